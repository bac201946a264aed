"""The test suite: quick password hashing and quiet logs; everything else as in production."""

import environ

from noren.config.settings.base import *  # noqa: F403
from noren.config.settings.base import NOREN_KIT
from noren_kit.core.conf import DEFAULTS
from noren_kit.observability.logging import logging_settings

env = environ.Env()
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="django.core.mail.backends.locmem.EmailBackend")
EMAIL_FILE_PATH = env.str("EMAIL_FILE_PATH", default=None)
CELERY_TASK_ALWAYS_EAGER = False
# No test meets a limit unless it is about them and sets LIMITS.
NOREN_KIT["LIMITS"] = NOREN_KIT["LIMITS"] or dict.fromkeys(DEFAULTS["LIMITS"], (1_000_000, 60))
LOGGING = logging_settings(json=True, level="ERROR")

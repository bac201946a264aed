"""The stack on one machine: `noren run` gives the addresses and keys."""

from noren.config import variables as given
from noren.config.settings.base import *  # noqa: F403
from noren.config.settings.base import NOREN_KIT
from noren_kit.core.conf import DEFAULTS
from noren_kit.observability.logging import logging_settings

ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", "testserver"]
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
# Generous, for it is all one person's; LIMITS goes over it.
NOREN_KIT["LIMITS"] = dict.fromkeys(DEFAULTS["LIMITS"], (10_000, 60)) | NOREN_KIT["LIMITS"]
LOGGING = logging_settings(json=given.LOG_JSON.read(default=False), level=given.LOG_LEVEL.read())

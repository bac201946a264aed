"""The stack on one machine: `noren run` gives the addresses and keys."""

from noren.config.settings.base import *  # noqa: F403
from noren.config.settings.base import env
from noren_kit.observability.logging import logging_settings

ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", "testserver"]
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
LOGGING = logging_settings(
    json=env.bool("LOG_JSON", default=False), level=env.str("LOG_LEVEL", default="INFO")
)

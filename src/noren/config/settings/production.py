"""Production: nothing has a default that would be unsafe."""

from noren.config.settings.base import *  # noqa: F403
from noren.config.settings.base import env

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
EMAIL_HOST = env.str("EMAIL_HOST", default="localhost")
EMAIL_PORT = env.int("EMAIL_PORT", default=25)

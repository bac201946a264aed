"""Production's settings, asked over HTTP itself: between a proxy and Noren there is no TLS."""

from noren.config.settings.production import *  # noqa: F403

SECURE_SSL_REDIRECT = False

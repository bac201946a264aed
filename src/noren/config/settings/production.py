"""Production: the environment is judged as a whole before anything is read from it."""

import os

from noren.config import variables as given

given.TABLE.refuse_unsafe(os.environ)

from noren.config.settings.base import *  # noqa: E402, F403

REFUSE_UNSAFE = True
# The scheme is that of the connection, or what a proxy of TRUSTED_PROXIES says.
SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics"]
SECURE_HSTS_SECONDS = given.SECURE_HSTS_SECONDS.read()
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_HSTS_SECONDS > 0

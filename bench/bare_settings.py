"""The local settings with the bare views alone."""

from noren.config.settings.local import *  # noqa: F403

ROOT_URLCONF = "bare_urls"

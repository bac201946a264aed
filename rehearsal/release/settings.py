"""Production's settings with that app."""

from noren.config.settings import production
from noren.config.settings.production import *  # noqa: F403

INSTALLED_APPS = [*production.INSTALLED_APPS, "rehearsal.release"]

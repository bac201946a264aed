"""Production: the environment is judged as a whole before anything is read from it."""

import os

from noren.config.variables import TABLE

TABLE.refuse_unsafe(os.environ)

from noren.config.settings.base import *  # noqa: E402, F403

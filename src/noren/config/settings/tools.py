"""For tools that look at models and settings with no server in sight, such as the type checker."""

import os

from noren_kit.stack.environment import placeholders

for name, value in placeholders().items():
    os.environ.setdefault(name, value)

from noren.config.settings.base import *  # noqa: E402, F403

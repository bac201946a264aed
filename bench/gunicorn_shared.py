"""gunicorn's settings for workers that share what was imported before the fork, as Noren's do."""

from __future__ import annotations

import gc
from typing import Any

gc.disable()
preload_app = True


def when_ready(server: Any) -> None:
    """After the import, before the first worker: see noren_kit.api.serving."""
    gc.freeze()
    gc.enable()

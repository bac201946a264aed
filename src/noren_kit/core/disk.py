"""What must outlive a power cut."""

from __future__ import annotations

import os
from pathlib import Path


def on_disk(path: Path) -> None:
    """Return once a file's content, or a folder's names, are on the disk (fsync(2))."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

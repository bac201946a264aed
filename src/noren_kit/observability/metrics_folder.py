"""Where the processes of one server leave their figures for each other.

A scrape is answered by whichever process takes it, so all write to files that each can read
(prometheus_client, "Multiprocess Mode"). The library decides at its import, so this comes first,
and imports nothing.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def prepare() -> None:
    """Name a folder that is empty: the environment's own, or one that ends with this process.

    A folder that is named belongs to one server: what an earlier one left there goes.
    """
    named = os.environ.get(VARIABLE)
    if named:
        Path(named).mkdir(parents=True, exist_ok=True)
        for file in Path(named).glob("*.db"):
            file.unlink(missing_ok=True)
        return
    folder, maker = tempfile.mkdtemp(prefix="noren-metrics-"), os.getpid()
    os.environ[VARIABLE] = folder

    def remove() -> None:
        if os.getpid() == maker:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)

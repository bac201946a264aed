"""How fast a real shop's past comes in, and with how much memory: `make bench-import FILE=…`.

The import runs as a process of its own on a new embedded PostgreSQL with durability on, as
`noren import` does for anybody. Prints lines per second by the clock, from the first to the
last line, and the peak resident memory of the importing process in megabytes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LINES = 541_909
VERIFIED = ("stock", "totals", "numbers", "isolation", "ratings")


def noren(home: str, *arguments: str) -> tuple[float, int]:
    """Run a `noren` command; returns its seconds and its peak memory in bytes."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "noren.cli", *arguments], env={**os.environ, "NOREN_HOME": home}
    )
    _pid, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"noren {' '.join(arguments)} failed.")
    return time.perf_counter() - started, usage.ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    with tempfile.TemporaryDirectory(prefix="noren-bench-") as home:
        noren(home, "migrate", "--verbosity", "0")
        seconds, memory = noren(home, "import", "online-retail", str(file), "--tenant", "bench")
        again, _memory = noren(home, "import", "online-retail", str(file), "--tenant", "bench")
        print(f"{LINES / seconds:,.0f} lines/s ({seconds:.0f} s), {memory / 1e6:.0f} MB at most")
        print(f"a second run, which changes nothing: {again:.0f} s", flush=True)
        for subject in VERIFIED:
            noren(home, "verify", subject)
        print(f"verify finds nothing wrong: {', '.join(VERIFIED)}")


if __name__ == "__main__":
    main()

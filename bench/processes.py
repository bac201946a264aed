"""What processes have used, out of Linux's /proc (proc(5)): processor time and memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_UTIME, _CSTIME = 13, 16  # utime, stime, cutime, cstime stand side by side, from 0.


def tree(pid: int) -> Iterator[int]:
    """A process and all that descends from it."""
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [child for task in tasks for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return
    for child in children:
        yield from tree(int(child))


def processor_seconds(roots: Iterable[int]) -> float:
    """Time of whole trees, in user and kernel mode, with children that have ended."""
    ticks = 0
    for root in roots:
        for pid in tree(root):
            try:
                text = Path(f"/proc/{pid}/stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            # The name in brackets may hold anything; what follows it is plain.
            fields = text.rpartition(")")[2].split()
            ticks += sum(map(int, fields[_UTIME - 2 : _CSTIME - 1]))
    return ticks / _TICKS


def memory_megabytes(root: int) -> float:
    """Proportional set size of a tree: shared pages count once, split among their users."""
    kilobytes = 0
    for pid in tree(root):
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found = [line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")]
        kilobytes += sum(map(int, found))
    return kilobytes / 1024

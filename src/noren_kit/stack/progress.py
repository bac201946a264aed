"""Progress of a start, one line for each step with its time, readable without colours too.

On standard error, so that what a command answers can be piped on.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

GREEN, RED, DIM, BOLD = "32", "31", "2", "1"


def coloured(text: str, code: str, output: TextIO = sys.stderr) -> str:
    """Colour a text for a terminal; leave it alone elsewhere and under NO_COLOR (no-color.org)."""
    if not output.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{code}m{text}\033[0m"


@dataclass
class Step:
    """A running step; `detail` is shown behind its name when it is done."""

    name: str
    detail: str = ""
    started: float = field(default_factory=time.monotonic)


@contextmanager
def step(name: str) -> Iterator[Step]:
    """Report a step when it is over, with its seconds; errors pass through."""
    current = Step(name)
    try:
        yield current
    except BaseException:
        _report(current, coloured("✗", RED))
        raise
    _report(current, coloured("✓", GREEN))


def _report(done: Step, mark: str) -> None:
    seconds = coloured(f"{time.monotonic() - done.started:5.1f} s", DIM)
    line = f"{mark} {done.name:<14}{seconds}  {done.detail}".rstrip()
    print(line, file=sys.stderr, flush=True)

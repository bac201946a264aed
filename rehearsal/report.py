"""What the rehearsal has seen: a line for each check, and in the end whether all held."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Report:
    """Prints as it goes; `failed` lists what did not hold."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed: list[str] = []
        self._started = time.monotonic()

    def check(self, what: str, holds: bool, seen: object = "") -> None:
        """Note one check; `seen` is shown where it fails."""
        if holds:
            self.passed += 1
            self._say(f"ok      {what}")
        else:
            self.failed.append(what)
            self._say(f"FAILED  {what}: {seen}")

    def equal(self, what: str, seen: object, wanted: object) -> None:
        """Check that two values are equal."""
        self.check(what, seen == wanted, f"{seen!r}, not {wanted!r}")

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Say how long something took."""
        began = time.monotonic()
        yield
        self._say(f"        {what}, {time.monotonic() - began:.1f} s")

    def note(self, what: str) -> None:
        """Print a figure."""
        self._say(f"        {what}")

    def _say(self, line: str) -> None:
        print(f"{time.monotonic() - self._started:7.1f}  {line}", flush=True)

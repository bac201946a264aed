"""Statement counts that are committed beside the tests, compared exactly.

A count that grows is a change someone must look at; one that falls is worth keeping. After such
a change `pytest --refresh-statements` writes the file anew, for the diff to be read.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

OPTION = "--refresh-statements"


class Budgets:
    """The counts of one file: `{"GET products/": 4, …}`."""

    def __init__(self, file: Path, *, refresh: bool) -> None:
        self.file, self.refresh = file, refresh
        self.recorded: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
        self.seen: dict[str, int] = {}

    def check(self, name: str, counts: list[int], at_most: int, statements: list[str]) -> None:
        """Assert that all of `counts` are one number, within `at_most`, and the recorded one."""
        __tracebackhide__ = True
        if len(set(counts)) != 1:
            pytest.fail(f"{name}: the statements grow with the data: {counts}")
        count = counts[0]
        listed = "\n".join(statements)
        if count > at_most:
            pytest.fail(f"{name}: {count} statements, at most {at_most} are allowed:\n{listed}")
        self.seen[name] = count
        if not self.refresh and self.recorded.get(name) != count:
            pytest.fail(
                f"{name}: {count} statements, {self.recorded.get(name)} are recorded in"
                f" {self.file.name}. If that is right: pytest {OPTION}\n{listed}"
            )

    def write(self) -> None:
        """Write the refreshed counts, sorted; others stay as they were."""
        if self.refresh and self.seen:
            merged = {**self.recorded, **self.seen}
            self.file.write_text(json.dumps(merged, indent=2, sort_keys=True) + "\n")

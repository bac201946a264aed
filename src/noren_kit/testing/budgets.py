"""What requests cost, committed beside the tests: statements, and the rows these look at.

A number that grows is a change someone must look at; one that falls is worth keeping. After such
a change `pytest --refresh-statements` writes the files anew, for the diff to be read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

OPTION = "--refresh-statements"


class Recorded:
    """The numbers of one file, by the name of what they are the cost of."""

    def __init__(self, file: Path, *, refresh: bool) -> None:
        self.file, self.refresh = file, refresh
        self.recorded: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        self.seen: dict[str, Any] = {}

    def write(self) -> None:
        """Write the refreshed numbers, sorted; others stay as they were."""
        if self.refresh and self.seen:
            merged = {**self.recorded, **self.seen}
            lines = [f"  {json.dumps(name)}: {json.dumps(merged[name])}" for name in sorted(merged)]
            self.file.write_text("{\n" + ",\n".join(lines) + "\n}\n")


class Budgets(Recorded):
    """Numbers of statements: `{"GET products/": 4, …}`."""

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


class RowBudgets(Recorded):
    """Rows that a request's SELECTs look at, by size of the answer: `{"GET products/": [3, 42]}`.

    What may not grow, by more than a tenth and two rows (PostgreSQL rounds what a loop throws
    away). Fewer are no fault: a table of a hundred rows is read whole or by an index, as its
    statistics happen to be.
    """

    def check(self, name: str, examined: list[int], scans: list[str]) -> None:
        """Assert that `examined` grew nowhere; `scans` tell people where they come from."""
        __tracebackhide__ = True
        self.seen[name] = examined
        if self.refresh:
            return
        recorded = self.recorded.get(name, [])
        if len(recorded) != len(examined) or any(
            now - before > before // 10 + 2 for now, before in zip(examined, recorded, strict=True)
        ):
            listed = "\n".join(scans)
            pytest.fail(
                f"{name}: {examined} rows examined, {recorded} are recorded in {self.file.name}."
                f" If that is right: pytest {OPTION}\n{listed}"
            )

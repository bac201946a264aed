"""Embedded clusters in folders of their own, removed again wherever root had to put them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from noren_kit.stack.postgres import EmbeddedPostgres

MakeCluster = Callable[..., EmbeddedPostgres]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[MakeCluster]:
    """Make clusters in the test's folder: `cluster("name", port=...)`, not started yet."""
    made: list[EmbeddedPostgres] = []

    def make(name: str = "pg", **options: object) -> EmbeddedPostgres:
        options = {"fast_unsafe": True} | options
        made.append(EmbeddedPostgres(tmp_path / name, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.remove()


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool], float], bool]:
    """Wait until something holds, for so many seconds at most; say whether it does."""

    def wait(holds: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if holds():
                return True
            time.sleep(0.05)
        return False

    return wait

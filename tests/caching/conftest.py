"""Fixtures of the cache: a Redis that a test may stop, and stores over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from noren_kit.caching.store import Store
from noren_kit.observability.away import impatient_client
from noren_kit.stack.redis import EmbeddedRedis


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def new_store(redis_server: EmbeddedRedis) -> Callable[..., Store]:
    """Makes a store with a memory of its own, as another process has it."""

    def make(local_bytes: int = 1_000_000, seconds: int = 60) -> Store:
        return Store(impatient_client(redis_server.url), local_bytes=local_bytes, seconds=seconds)

    return make

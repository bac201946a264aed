"""Redis stopped, frozen, full, read-only, flushed: the store misses, quickly, and recovers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import redis

from noren_kit.caching.packing import unpack
from noren_kit.caching.store import Store
from noren_kit.observability.away import PAUSE_SECONDS
from noren_kit.stack.redis import EmbeddedRedis

NewStore = Callable[..., Store]


@contextmanager
def within(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


def used(store: Store, key: str) -> bytes | None:
    """A round of everything a request does; what it got in the end."""
    assert store.get(f"{key} unknown") is None
    with store.computing(key) as body:
        assert body is None
        store.put(key, b"made")
    return store.get(key)


def test_a_stopped_redis(new_store: NewStore, redis_server: EmbeddedRedis) -> None:
    here, there = new_store(), new_store()
    here.put("k", b"before")
    redis_server.stop()
    with within(0.5):
        assert here.get("k") == b"before"
        assert there.get("k") is None
        for number in range(200):
            assert used(here, str(number)) == b"made"
    redis_server.start()
    time.sleep(PAUSE_SECONDS + 0.1)
    here.put("again", b"x")
    assert new_store().get("again") == b"x"


def test_a_frozen_redis(new_store: NewStore, redis_server: EmbeddedRedis) -> None:
    here = new_store()
    here.put("k", b"before")
    os.kill(redis_server.pid, signal.SIGSTOP)
    try:
        with within(0.45):
            assert here.get("k") == b"before"
            for number in range(200):
                assert used(here, str(number)) == b"made"
        other = new_store()
        with within(0.45):
            assert used(other, "k") == b"made"
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)
    time.sleep(PAUSE_SECONDS + 0.1)
    here.put("again", b"x")
    assert new_store().get("again") == b"x"


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_redis_that_takes_nothing_still_gives(
    fault: str, new_store: NewStore, redis_server: EmbeddedRedis
) -> None:
    here, there = new_store(), new_store()
    here.put("k", b"before")
    with redis.Redis.from_url(redis_server.url) as admin:
        if fault == "full":
            admin.config_set("maxmemory-policy", "noeviction")
            admin.config_set("maxmemory", "1")
        else:
            admin.replicaof("127.0.0.1", "1")
        with within(0.5):
            assert used(there, "x") == b"made"
            assert there.get("k") == b"before"
            assert new_store().get("x") is None
        admin.config_set("maxmemory", "0")
        admin.replicaof("NO", "ONE")
    time.sleep(PAUSE_SECONDS + 0.1)
    there.put("again", b"x")
    assert new_store().get("again") == b"x"


def test_another_password(new_store: NewStore, redis_server: EmbeddedRedis) -> None:
    here = new_store()
    with redis.Redis.from_url(redis_server.url) as admin:
        admin.config_set("requirepass", "another")
        assert used(here, "k") == b"made"


def test_a_flush_of_keys_and_scripts(new_store: NewStore, redis_server: EmbeddedRedis) -> None:
    here, there = new_store(), new_store()
    here.put("k", b"x")
    with redis.Redis.from_url(redis_server.url) as admin:
        with here.computing("other"):
            admin.flushall()
            admin.script_flush()
        assert here.get("k") == b"x"
        assert there.get("k") is None
        assert used(there, "k") == b"made"
        assert unpack(admin.get("body:k")) == b"made"


def test_it_is_logged_once_a_pause(
    new_store: NewStore, redis_server: EmbeddedRedis, caplog: pytest.LogCaptureFixture
) -> None:
    here = new_store()
    redis_server.stop()
    with caplog.at_level("WARNING", "noren.cache"):
        for number in range(200):
            used(here, str(number))
    assert len([record for record in caplog.records if record.name == "noren.cache"]) == 1

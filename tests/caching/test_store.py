"""The store of bodies: what it keeps, what it shares, and one computation for many callers."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from noren_kit.caching.memory import LocalMemory
from noren_kit.caching.store import MOST_BODY_BYTES, Store
from noren_kit.caching.store import store as of_process
from noren_kit.core.conf import conf
from noren_kit.stack.redis import EmbeddedRedis

PROCESS = Path(__file__).with_name("cache_process.py")
NewStore = Callable[..., Store]


def in_processes(server: EmbeddedRedis, action: str, key: str, count: int) -> list[str]:
    """What so many processes say that act at the same time."""
    command = [sys.executable, str(PROCESS), server.url, action, key]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    for each in running:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in running:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    return [each.communicate(timeout=30)[0].strip() for each in running]


class TestMemory:
    def test_the_least_recently_used_make_room(self) -> None:
        memory = LocalMemory(4_000)
        for key in "abc":
            memory.put(key, b"x" * 1_000)
        assert memory.get("a")
        memory.put("d", b"x" * 1_000)
        assert [key for key in "abcd" if memory.get(key)] == ["a", "c", "d"]

    def test_it_holds_no_more_bytes_than_allowed(self) -> None:
        memory = LocalMemory(100_000)
        for number in range(10_000):
            memory.put(str(number), b"x" * (number % 3_000))
            memory.put(str(number % 7), b"y")
        kept = [body for number in range(10_000) if (body := memory.get(str(number))) is not None]
        assert 50_000 < sum(map(len, kept)) <= 100_000

    def test_many_tiny_bodies_count_with_what_they_cost(self) -> None:
        memory = LocalMemory(100_000)
        for number in range(10_000):
            memory.put(str(number), b"x")
        assert sum(memory.get(str(number)) is not None for number in range(10_000)) < 400

    def test_from_many_threads(self) -> None:
        memory = LocalMemory(20_000)

        def use(thread: int) -> None:
            for number in range(3_000):
                key = str((number * (thread + 1)) % 50)
                memory.put(key, key.encode() * 100)
                assert memory.get(key) in (None, key.encode() * 100)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(use, range(8)))
        assert 0 <= memory._held <= 20_000
        assert memory._held == sum(
            len(key) + len(body) + 250 for key, body in memory._bodies.items()
        )


class TestSharing:
    def test_what_one_puts_the_others_get_and_keep(
        self, new_store: NewStore, redis_server: EmbeddedRedis
    ) -> None:
        here, there = new_store(), new_store()
        assert here.get("k") is None
        here.put("k", b"\x00body")
        assert here.local("k") == b"\x00body"
        assert there.local("k") is None
        assert there.get("k") == b"\x00body"
        assert there.local("k") == b"\x00body"

    def test_another_process(self, new_store: NewStore, redis_server: EmbeddedRedis) -> None:
        new_store().put("k", b"shared")
        assert in_processes(redis_server, "get", "k", 1) == ["shared"]
        assert in_processes(redis_server, "get", "other", 1) == ["-"]

    def test_large_bodies_are_not_kept(self, new_store: NewStore) -> None:
        here, there = new_store(local_bytes=10_000_000), new_store()
        here.put("k", b"x" * (MOST_BODY_BYTES + 1))
        assert here.get("k") is there.get("k") is None
        here.put("k", b"x" * MOST_BODY_BYTES)
        assert here.local("k")

    def test_entries_end(self, new_store: NewStore, redis_server: EmbeddedRedis) -> None:
        new_store(seconds=600).put("k", b"x")
        with redis.Redis.from_url(redis_server.url) as client:
            assert [0 < client.ttl(key) <= 600 for key in client.scan_iter()] == [True]

    @pytest.mark.parametrize("key", ["日本", "a b\r\nDEL x", "\ud800", "", "x" * 10_000])
    def test_any_text_is_a_key(self, key: str, new_store: NewStore) -> None:
        new_store().put(key, b"x")
        assert new_store().get(key) == b"x"

    def test_the_settings_say_how_much_and_where(self) -> None:
        assert conf.CACHE_LOCAL_BYTES == 4 * 1024 * 1024
        of_process().put("settings", b"x")
        assert of_process() is of_process()
        assert of_process().get("settings") == b"x"


class TestComputing:
    def test_one_of_eight_processes_computes(
        self, redis_server: EmbeddedRedis, new_store: NewStore
    ) -> None:
        said = Counter(in_processes(redis_server, "compute", "k", 8))
        assert said == {"computed made": 1, "waited made": 7}

    def test_one_of_many_threads_computes(self, new_store: NewStore) -> None:
        here, start = new_store(), threading.Barrier(8, timeout=10)

        def ask(_number: int) -> str:
            start.wait()
            with here.computing("k") as body:
                if body is not None:
                    return body.decode()
                time.sleep(0.05)
                here.put("k", b"made")
                return "computed"

        with ThreadPoolExecutor(8) as pool:
            assert Counter(pool.map(ask, range(8))) == {"computed": 1, "made": 7}

    def test_who_comes_after_it_was_put_computes_nothing(self, new_store: NewStore) -> None:
        here, there = new_store(), new_store()
        with here.computing("k") as body:
            assert body is None
            here.put("k", b"made")
        for each in (here, there):
            with each.computing("k") as body:
                assert body == b"made"

    def test_a_failed_computation_is_left_to_the_next(self, new_store: NewStore) -> None:
        for each in (new_store(), new_store()):
            started = time.monotonic()
            with pytest.raises(ZeroDivisionError), each.computing("k"):
                _ = 1 / 0
            assert time.monotonic() - started < 0.1

    def test_one_that_is_given_up_is_not_waited_for(self, new_store: NewStore) -> None:
        """As an answer is that is not kept, such as a 404."""
        with ThreadPoolExecutor(1) as pool:
            with new_store().computing("k"):
                started = time.monotonic()
                other = pool.submit(self._asked, new_store())
                time.sleep(0.03)
            assert other.result() is None
            assert time.monotonic() - started < 0.15

    def test_a_slow_one_is_not_waited_for_for_long(self, new_store: NewStore) -> None:
        here, there = new_store(), new_store()
        with here.computing("k") as body:
            assert body is None
            for other in (there, here):
                started = time.monotonic()
                with ThreadPoolExecutor(1) as pool:
                    assert pool.submit(self._asked, other).result() is None
                assert 0.2 < time.monotonic() - started < 0.5

    @staticmethod
    def _asked(store: Store) -> bytes | None:
        with store.computing("k") as body:
            return body

    def test_a_killed_one_is_forgotten(
        self, new_store: NewStore, redis_server: EmbeddedRedis
    ) -> None:
        """Its claim ends by itself."""
        with redis.Redis.from_url(redis_server.url) as client:
            here = new_store()
            with here.computing("k"):
                (claim,) = client.keys("computing:*")
                assert 0 < client.pttl(claim) <= 3_000

    def test_nobody_s_claim_is_released_but_one_s_own(
        self, new_store: NewStore, redis_server: EmbeddedRedis
    ) -> None:
        with redis.Redis.from_url(redis_server.url) as client:
            with new_store().computing("k"):
                client.set("computing:k", b"a later one's")
            assert client.get("computing:k") == b"a later one's"

"""The store of cached bodies: this process's memory first, Redis behind it.

A key names its content for good, because it holds the revisions that the body was made from: so
entries never change, nothing is ever invalidated, and what nobody asks for any more ends by
itself. Whatever happens to Redis, the store only misses.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings

from noren_kit.caching.memory import LocalMemory
from noren_kit.caching.packing import pack, unpack
from noren_kit.core.conf import conf
from noren_kit.observability.away import Patience, impatient_client

MOST_BODY_BYTES = 1024 * 1024
# How long others wait for the one who computes, and for how long that one is waited for.
WAIT_SECONDS = 0.25
CLAIM_MILLISECONDS = 3_000
_FIRST_PAUSE_SECONDS = 0.004

# Of one's own claim alone: a later one's may stand there already.
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""

# The body, or whether the claim was free.
_CLAIM = """
local body = redis.call('GET', KEYS[1])
if body then return body end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0
"""


class Store:
    """Bodies by key, packed. Never raises, and waits for Redis 0.2 s at most."""

    def __init__(self, client: redis.Redis, *, local_bytes: int, seconds: int) -> None:
        self._client, self._seconds = client, seconds
        self._release = client.register_script(_RELEASE)
        self._claiming = client.register_script(_CLAIM)
        self._memory = LocalMemory(local_bytes)
        self._pointers = LocalMemory(local_bytes // 8)
        # A Redis that is full or read-only still answers.
        self._reading, self._writing = (
            Patience(f"cache_without_{part}", logger="noren.cache") for part in ("redis", "writing")
        )
        self._computing: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """The body, or None where it is not known. One from Redis is kept in memory too."""
        return self.local(key) or self._fetch(key)

    def local(self, key: str) -> bytes | None:
        """The body if this process has it; nobody else is asked."""
        packed = self._memory.get(key)
        return None if packed is None else unpack(packed)

    def point(self, name: str, key: str) -> None:
        """Let `name` stand for the body under `key`, in this process."""
        self._pointers.put(name, key.encode())

    def pointed(self, name: str) -> bytes | None:
        """The body that `name` stands for, if this process has it."""
        key = self._pointers.get(name)
        return None if key is None else self.local(key.decode())

    def put(self, key: str, body: bytes) -> None:
        """Keep a body, unless it is empty or over 1 MiB. What stands there must be the same."""
        if not 0 < len(body) <= MOST_BODY_BYTES:
            return
        packed = pack(body)
        self._memory.put(key, packed)
        if not self._reading.is_spent:
            name = _named("body", key)
            self._writing.ask(lambda: self._client.set(name, packed, ex=self._seconds))

    @contextmanager
    def computing(self, key: str) -> Iterator[bytes | None]:
        """The body as soon as another caller has it, or None: then the block must compute it.

        Of callers at once, in all processes, one gets None immediately; the others wait for what
        it puts, a quarter of a second at most, and are then on their own.
        """
        with self._lock:
            running = self._computing.get(key)
            if running is None:
                mine = self._computing[key] = threading.Event()
        if running is not None:
            running.wait(WAIT_SECONDS)
            yield self.local(key)
            return
        try:
            with self._claimed(key) as body:
                yield body
        finally:
            with self._lock:
                del self._computing[key]
            mine.set()

    @contextmanager
    def _claimed(self, key: str) -> Iterator[bytes | None]:
        """As `computing`, among processes: one claims the key in Redis."""
        token = secrets.token_bytes(12)
        body = self.local(key)
        claimed = False
        if body is None:
            claimed, body = self._claim(key, token)
            if not claimed and body is None and not self._is_away:
                body = self._wait(key)
        try:
            yield body
        finally:
            # A body that was put ends the waiting by itself.
            if claimed and (body is not None or self._memory.get(key) is None):
                self._writing.ask(
                    lambda: self._release(keys=[_named("computing", key)], args=[token])
                )

    @property
    def _is_away(self) -> bool:
        return self._reading.is_spent or self._writing.is_spent

    def _claim(self, key: str, token: bytes) -> tuple[bool, bytes | None]:
        """Whether the claim was free, and the body if somebody has put it by now."""
        if self._is_away:
            return False, self._fetch(key)  # One that takes no writes may still be read.
        names = [_named("body", key), _named("computing", key)]
        values: list[bytes | int] = [token, CLAIM_MILLISECONDS]
        answer: Any = self._writing.ask(lambda: self._claiming(keys=names, args=values))
        if isinstance(answer, bytes):
            return False, self._received(key, answer)
        return bool(answer), None

    def _wait(self, key: str) -> bytes | None:
        ends, pause = time.monotonic() + WAIT_SECONDS, _FIRST_PAUSE_SECONDS
        while (left := ends - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            pause *= 2
            pipe = self._client.pipeline(transaction=False)
            pipe.get(_named("body", key))
            pipe.exists(_named("computing", key))
            packed, claimed = self._reading.ask(pipe.execute) or (None, False)
            body = self._received(key, packed)
            if body or not claimed:
                return body  # Given up: what was made is not kept, such as a 404.
        return None

    def _fetch(self, key: str) -> bytes | None:
        packed: Any = self._reading.ask(lambda: self._client.get(_named("body", key)))
        return self._received(key, packed)

    def _received(self, key: str, packed: bytes | None) -> bytes | None:
        body = unpack(packed) if packed else None
        if packed and body:
            self._memory.put(key, packed)
        return body


def _named(kind: str, key: str) -> bytes:
    return f"{kind}:{key}".encode("utf-8", "surrogatepass")


@lru_cache(maxsize=1)
def store() -> Store:
    """This process's store."""
    return Store(
        impatient_client(conf.CACHE_REDIS_URL or settings.REDIS_URL),
        local_bytes=conf.CACHE_LOCAL_BYTES,
        seconds=conf.CACHE_SECONDS,
    )

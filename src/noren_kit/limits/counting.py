"""Counting requests: exact under concurrency in Redis, a small allowance without it.

A window starts with its first request. Redis increments and answers with the number, so of any
number of concurrent requests exactly as many pass as the limit allows.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings

from noren_kit.core.conf import conf
from noren_kit.observability.away import Patience, impatient_client
from noren_kit.observability.exchange import Exchange, packed
from noren_kit.observability.metrics import limits_refused

# Without Redis each process counts for itself and allows this share of a limit; at least a few,
# so that one mistyped password locks nobody out.
_LOCAL_SHARE, _LOCAL_LEAST = 10, 3
_MOST_LOCAL_KEYS = 10_000

_READ = "return {tonumber(redis.call('GET', KEYS[1]) or 0), redis.call('PTTL', KEYS[1])}"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `requests` in `seconds`; `name` is shown in the headers."""

    name: str
    requests: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Reading:
    """Where a caller stands against one limit; `reset` is in seconds, at least one."""

    limit: Limit
    used: int
    reset: int

    @property
    def allowed(self) -> bool:
        """Whether the request that was just counted may pass."""
        return self.used <= self.limit.requests

    @property
    def remaining(self) -> int:
        return max(0, self.limit.requests - self.used)


class LocalCounter:
    """The allowance of one process while Redis is away."""

    def __init__(self) -> None:
        self._windows: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def count(self, key: str, limit: Limit) -> Reading:
        with self._lock:
            used, ends = self._window(key, limit)
            self._windows[key] = (used + 1, ends)
            self._windows.move_to_end(key)
            while len(self._windows) > _MOST_LOCAL_KEYS:
                self._windows.popitem(last=False)
        return self._reading(limit, used + 1, ends)

    def read(self, key: str, limit: Limit) -> Reading:
        with self._lock:
            return self._reading(limit, *self._window(key, limit))

    def forget(self, key: str) -> None:
        with self._lock:
            self._windows.pop(key, None)

    def _window(self, key: str, limit: Limit) -> tuple[int, float]:
        now = time.monotonic()
        used, ends = self._windows.get(key, (0, 0.0))
        return (0, now + limit.seconds) if ends <= now else (used, ends)

    @staticmethod
    def _reading(limit: Limit, used: int, ends: float) -> Reading:
        share = min(limit.requests, max(_LOCAL_LEAST, limit.requests // _LOCAL_SHARE))
        left = min(limit.seconds, max(1, math.ceil(ends - time.monotonic())))
        return Reading(replace(limit, requests=share), used, left)


class Counter:
    """Counts in Redis, or locally for as long as Redis does not answer."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._exchange = Exchange(client)
        self._reading = client.register_script(_READ)
        self._local = LocalCounter()
        self._ask = Patience("limits_without_redis", logger="noren.limits").ask

    def count(self, key: str, limit: Limit) -> Reading:
        """Count one request of `key` against `limit` and say where it stands."""
        answer = self._ask(lambda: self._increment(_named(key), limit.seconds * 1000))
        reading = self._local.count(key, limit) if answer is None else _stand(limit, answer)
        if not reading.allowed:
            limits_refused.labels(limit.name).inc()
        return reading

    def _increment(self, name: str, milliseconds: int) -> tuple[int, int]:
        """How often it was counted in its window, and the milliseconds that are left of that.

        A key is made with its end, so that none outlives its window, whoever dies when. One
        without (it ended between two of the commands) gets it here; a window that outlasts the
        limit's own comes from other settings and is cut.
        """
        _made, used, left = self._exchange.ask(_counting(name, milliseconds), 3)
        if not 0 <= left <= milliseconds:
            self._exchange.ask(packed(("PEXPIRE", name, str(milliseconds))), 1)
            left = milliseconds
        return used, left

    def read(self, key: str, limit: Limit) -> Reading:
        """Say where `key` stands against `limit`, without counting."""
        answer = self._ask(lambda: self._reading(keys=[_named(key)]))
        return self._local.read(key, limit) if answer is None else _stand(limit, answer)

    def forget(self, key: str) -> None:
        """Let `key` start afresh. While Redis is away, what stands there stays until it ends."""
        self._local.forget(key)
        self._ask(lambda: self._client.delete(_named(key)))


@lru_cache(maxsize=1024)
def _counting(name: str, milliseconds: int) -> bytes:
    return packed(("SET", name, "0", "PX", str(milliseconds), "NX"), ("INCR", name), ("PTTL", name))


def _named(key: str) -> str:
    return f"limit:{key}"


def _stand(limit: Limit, answer: Any) -> Reading:
    used, milliseconds = answer
    left = limit.seconds if milliseconds < 0 else -(-milliseconds // 1000)
    return Reading(limit, used, min(limit.seconds, max(1, left)))


@lru_cache(maxsize=1)
def counter() -> Counter:
    """This process's counter, over its own connections."""
    return Counter(impatient_client(conf.LIMITS_REDIS_URL or settings.REDIS_URL))

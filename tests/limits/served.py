"""A served API with limits and a Redis of its own, and crowds of callers."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from noren_kit.stack.redis import EmbeddedRedis
from noren_kit.testing.answers import ERROR_MEMBERS
from noren_kit.testing.live import live_server

TAGS, NOWHERE = "/api/v1/tags/", "/api/v1/nowhere/"
# More than any answer may take; a request that hangs fails by it.
PATIENCE_SECONDS = 20
Headers = Sequence[tuple[str, str]]


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: dict[str, Any]


@dataclass
class Served:
    base_url: str

    def get(self, path: str, *headers: tuple[str, str]) -> Answer:
        parts = urlsplit(self.base_url)
        line = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=PATIENCE_SECONDS
        )
        try:
            line.putrequest("GET", path)
            for name, value in headers:
                line.putheader(name, value)
            line.endheaders()
            response = line.getresponse()
            return Answer(response.status, response.headers, json.loads(response.read()))
        finally:
            line.close()

    def crowd(self, path: str, callers: Sequence[Headers]) -> Counter[int]:
        """Ask once for each of the callers, all at the same time; how often came which status."""
        start = threading.Barrier(len(callers), timeout=PATIENCE_SECONDS)

        def ask(headers: Headers) -> int:
            start.wait()
            answer = self.get(path, *headers)
            if answer.status == 429:
                assert_throttled(answer)
            return answer.status

        with ThreadPoolExecutor(len(callers)) as pool:
            return Counter(pool.map(ask, callers))


def assert_throttled(answer: Answer) -> None:
    assert answer.status == 429
    assert set(answer.body) == ERROR_MEMBERS
    assert answer.body["code"] == "throttled"
    wait = answer.body["details"]["retry_after"]
    assert 0 < wait <= answer.body["details"]["window_seconds"]
    assert answer.headers["Retry-After"] == str(wait)
    assert ";r=0;" in answer.headers["RateLimit"]


@contextmanager
def served(
    monkeypatch: pytest.MonkeyPatch, redis: EmbeddedRedis, *, workers: int = 4, **environment: str
) -> Iterator[Served]:
    """A live server that counts in this Redis, with these environment variables."""
    for name, value in {"LIMITS_REDIS_URL": redis.url, **environment}.items():
        monkeypatch.setenv(name, value)
    with live_server(workers) as base_url:
        yield Served(base_url)


def bearer(token: str) -> tuple[str, str]:
    return ("Authorization", f"Bearer {token}")

"""A resolver that hangs, as the C library sees it: whoever needs a name is not kept by it."""

from __future__ import annotations

import _socket
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from django.db import connections

from noren_kit.observability.away import impatient_client
from noren_kit.observability.names import KNOWN_SECONDS, UNKNOWN_SECONDS, Names
from noren_kit.stack.redis import EmbeddedRedis

LIBRARY_SECONDS = 10.0  # resolv.conf(5): 5 s, twice
BUSY_SECONDS = 1.5  # of this machine
ADDRESS = "127.0.0.1"


class Library:
    """The C library's part of `socket.getaddrinfo`, which can hang, and then says "try again"."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.answer: str | int = ADDRESS
        self.asked = 0

    def __call__(self, host: Any, port: Any, *rest: Any, **named: Any) -> list[Any]:
        self.asked += 1
        if not self.goes_on.wait(LIBRARY_SECONDS):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        if isinstance(self.answer, int):
            raise socket.gaierror(self.answer, "no")
        place = (self.answer, int(port))
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place)]

    def hang(self) -> None:
        self.goes_on.clear()


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    library = Library()
    monkeypatch.setattr(_socket, "getaddrinfo", library)
    yield library
    library.goes_on.set()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path / "redis") as server:
        yield server


@contextmanager
def within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds + BUSY_SECONDS


def addresses(found: list[Any]) -> list[str]:
    return [each[4][0] for each in found]


def test_redis_that_was_resolved_before(library: Library, redis_server: EmbeddedRedis) -> None:
    with impatient_client(redis_server.url.replace(ADDRESS, "redis.known.example")) as client:
        client.ping()
        library.hang()
        client.connection_pool.disconnect()
        with within(KNOWN_SECONDS):
            assert client.ping()


def test_redis_that_was_not(library: Library, redis_server: EmbeddedRedis) -> None:
    library.hang()
    url = redis_server.url.replace(ADDRESS, "redis.unknown.example")
    with impatient_client(url) as client, within(UNKNOWN_SECONDS), pytest.raises(redis.RedisError):
        client.ping()


def test_postgresql(library: Library) -> None:
    parameters = connections["default"].get_connection_params()
    known = {"host": "known.example", "port": parameters["port"], "user": parameters["user"]}
    known |= {"password": parameters["password"], "dbname": parameters["dbname"]}
    psycopg.connect(**known).close()
    library.hang()
    with within(KNOWN_SECONDS), psycopg.connect(**known) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with within(UNKNOWN_SECONDS), pytest.raises(psycopg.OperationalError):
        psycopg.connect(**{**known, "host": "unknown.example"})


def test_its_time_counts_once(library: Library) -> None:
    """Who comes while a question is open does not begin to wait anew."""
    names = Names(library)
    names("a.example", 80)
    library.hang()
    names("a.example", 80)
    began = time.monotonic()
    for _ in range(20):
        assert addresses(names("a.example", 80)) == [ADDRESS]
    assert time.monotonic() - began < KNOWN_SECONDS
    assert library.asked == 2


def test_a_late_answer_is_kept(library: Library) -> None:
    names = Names(library)
    library.hang()
    with pytest.raises(socket.gaierror):
        names("a.example", 80)
    library.goes_on.set()
    deadline = time.monotonic() + 5
    while not names._last and time.monotonic() < deadline:
        time.sleep(0.01)
    library.hang()
    with within(KNOWN_SECONDS):
        assert addresses(names("a.example", 80)) == [ADDRESS]


def test_what_the_resolver_says_counts(library: Library) -> None:
    names = Names(library)
    names("a.example", 80)
    library.answer = "127.0.0.2"
    assert addresses(names("a.example", 80)) == ["127.0.0.2"]
    library.answer = socket.EAI_AGAIN
    assert addresses(names("a.example", 80)) == ["127.0.0.2"]
    library.answer = socket.EAI_NONAME
    with pytest.raises(socket.gaierror) as refused:
        names("a.example", 80)
    assert refused.value.errno == socket.EAI_NONAME


def test_a_forked_process_asks_anew(library: Library) -> None:
    names = Names(library)
    names("a.example", 80)
    library.hang()
    names("a.example", 80)
    if (child := os.fork()) == 0:
        os._exit(not (addresses(names("a.example", 80)) == [ADDRESS] and library.asked == 3))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_addresses_are_not_asked_for(library: Library) -> None:
    names = Names(library)
    for host in ("127.0.0.1", "::1", None, ""):
        before = threading.active_count()
        names(host, 80)
        assert threading.active_count() == before

"""Probes tell the truth while servers stop, freeze and come back, and never hang."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection

from granting import platform
from noren_kit.db import role_names
from noren_kit.db.roles import bootstrap, new_passwords, role_urls
from noren_kit.observability import health
from noren_kit.stack.postgres import EmbeddedPostgres
from noren_kit.stack.redis import EmbeddedRedis
from noren_kit.testing.live import live_server
from noren_kit.testing.processes import children_of
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Client, Shop

# A probe waits a second for its checks; the rest is for a busy machine.
MOST_SECONDS = 3.0


class Probes:
    def __init__(self, base_url: str) -> None:
        self._address = urlsplit(base_url).netloc

    def ask(self, path: str = "/health/ready/") -> tuple[int, dict[str, Any]]:
        line = http.client.HTTPConnection(self._address, timeout=10)
        began = time.monotonic()
        try:
            line.request("GET", path)
            response = line.getresponse()
            body = json.loads(response.read())
        finally:
            line.close()
        assert time.monotonic() - began < MOST_SECONDS
        return response.status, body

    def until(self, status: int, state: str) -> dict[str, str]:
        """The checks as soon as the probe says this; it must within ten seconds."""
        deadline = time.monotonic() + 10
        while True:
            code, body = self.ask()
            told = body if code == 200 else body["details"]
            if (code, told["status"]) == (status, state):
                assert self.ask("/health/live/") == (200, {"status": "ok"})
                checks: dict[str, str] = told["checks"]
                return checks
            assert time.monotonic() < deadline, (code, body)
            time.sleep(0.2)


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    stopped = [pid, *children_of(pid)]
    for each in stopped:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in stopped:
            os.kill(each, signal.SIGCONT)


def postmaster(folder: Path) -> int:
    (file,) = folder.rglob("postmaster.pid")
    return int(file.read_text().split()[0])


def apply_migrations(owner_url: str, names: frozenset[tuple[str, str]]) -> None:
    """Leave in the database what a migration leaves of itself; probes look at no more."""
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(
            "CREATE TABLE IF NOT EXISTS django_migrations"
            " (id bigserial PRIMARY KEY, app text, name text, applied timestamptz)"
        )
        owner.execute(f"GRANT SELECT ON django_migrations TO {role_names.APP}")
        owner.cursor().executemany(
            "INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, now())",
            sorted(names),
        )


def forget_migrations(owner_url: str, names: frozenset[tuple[str, str]]) -> None:
    with psycopg.connect(owner_url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "DELETE FROM django_migrations WHERE app = %s AND name = %s", sorted(names)
        )


def test_probes_follow_servers_that_stop_freeze_and_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        EmbeddedPostgres(tmp_path / "postgres", fast_unsafe=True) as postgres,
        EmbeddedRedis(tmp_path / "redis") as cache,
    ):
        passwords = new_passwords()
        bootstrap(postgres.admin_url, "probed", passwords)
        for name, url in role_urls(postgres.admin_url, "probed", passwords).items():
            monkeypatch.setenv(name, url)
        owner_url = role_urls(postgres.admin_url, "probed", passwords)["DATABASE_OWNER_URL"]
        monkeypatch.setenv("CACHE_REDIS_URL", cache.url)
        expected = health.expected_migrations()
        last = frozenset({max(each for each in expected if each[0] == "outbox")})
        apply_migrations(owner_url, expected - last)
        apply_migrations(owner_url, last)
        with live_server(ready_path="/health/live/") as base_url:
            probes = Probes(base_url)
            forget_migrations(owner_url, last)
            checks = probes.until(503, "failed")
            assert (checks["database"], checks["migrations"]) == ("ok", "failed")
            apply_migrations(owner_url, last)
            assert set(probes.until(200, "ok").values()) == {"ok"}

            with frozen(cache.pid):
                assert probes.until(200, "degraded")["cache"] == "failed"
            probes.until(200, "ok")
            cache.stop()
            checks = probes.until(200, "degraded")
            assert (checks["cache"], checks["broker"], checks["database"]) == ("failed", "ok", "ok")
            cache.start()
            with frozen(postmaster(postgres.location)):
                checks = probes.until(503, "failed")
                assert (checks["database"], checks["cache"]) == ("failed", "ok")
            probes.until(200, "ok")
            postgres.stop()
            assert probes.until(503, "failed")["database"] == "failed"
            postgres.start()
            probes.until(200, "ok")


def test_many_probes_cost_as_much_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    checks = health.Checks()
    ask = checks._database.ask
    checks._checks[0] = health._Check(
        ["database", "migrations"], lambda: (asked.append(None), ask())[1]
    )
    answers = [checks.answers() for _ in range(50)]
    assert len(asked) == 1
    assert answers == [answers[0]] * 50
    assert answers[0]["database"] == "ok"
    checks.forget()
    checks.answers()
    assert len(asked) == 2
    checks.forget()


def test_a_kept_connection_that_was_ended_is_no_database_that_is_away() -> None:
    checks = health.Checks()
    assert checks.answers()["database"] == "ok"
    kept = checks._database._connection
    assert kept is not None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [kept.connection.info.backend_pid])
    checks._fresh_until = 0.0
    assert checks.answers()["database"] == "ok"
    checks.forget()


def test_figures_are_for_the_platform(shop: Shop) -> None:
    assert Client().get("/health/").json()["figures"] is None
    assert shop.client("owner").get("/health/").json()["figures"] is None
    wrong = Client().get("/health/", headers={"Authorization": "Bearer x"})
    assert (wrong.status_code, wrong.json()["figures"]) == (200, None)
    told = platform().get("/health/").json()["figures"]
    assert told["process"]["pid"] == os.getpid()
    assert 0 < told["database"]["connections"] <= told["database"]["max_connections"]


def test_a_probe_sends_nothing_over_the_connection_that_serves() -> None:
    with recorded_statements() as statements:
        Client().get("/health/ready/")
    assert statements == []

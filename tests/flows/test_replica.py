"""Reads from a hot standby show what the primary would, however far the standby is behind."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import requests

from noren_kit.backup import programs
from noren_kit.stack import unprivileged
from noren_kit.stack.ports import LOOPBACK
from noren_kit.stack.postgres import EmbeddedPostgres
from noren_kit.stack.private import write_json
from noren_kit.tenancy.replica import DEADLINE_SECONDS
from noren_kit.testing.live import Caller, ServerStartError, live_server
from noren_kit.testing.plugin import OwnerConnection
from noren_kit.testing.receiving import awaited
from noren_kit.testing.shops import Shop
from store import API, Store

_COUNTED = re.compile(r'noren_standby_reads_total\{from="(\w+)"\} (\d+)')


class Standby:
    """A streaming standby of the tests' PostgreSQL (PostgreSQL documentation, "Hot Standby")."""

    def __init__(self, folder: Path, admin_url: str) -> None:
        self.primary, address = admin_url, urlsplit(admin_url)
        data = base = folder / "standby"
        account = unprivileged.find_account(data)
        if account is not None:
            base = unprivileged.refuge(account, data) / "data"
        arguments = [f"--pgdata={base}", "--checkpoint=fast", "--write-recovery-conf"]
        with psycopg.connect(admin_url) as connection:
            programs.run(
                "pg_basebackup",
                arguments,
                url=admin_url,
                server=connection.info.server_version // 10_000,
            )
        if account is not None:
            subprocess.run(["chown", "-R", f"{account.uid}:{account.gid}", base], check=True)
        self.server = EmbeddedPostgres(data, fast_unsafe=True)
        write_json(
            data.with_name("standby.json"), {"password": address.password, "location": str(base)}
        )
        self.server.start()

    def url(self, application_url: str) -> str:
        parts = urlsplit(application_url)
        place = parts.netloc.rpartition("@")[0]
        return parts._replace(netloc=f"{place}@{LOOPBACK}:{self.server.port}").geturl()

    def ask(self, query: str) -> Any:
        return _ask(self.server.admin_url, query)

    def catch_up(self) -> None:
        wanted = _ask(self.primary, "SELECT pg_current_wal_insert_lsn()")
        query = f"SELECT pg_last_wal_replay_lsn() >= '{wanted}'"
        assert awaited(lambda: self.ask(query))


def _ask(url: str, query: str) -> Any:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
        return row and row[0]


@pytest.fixture(scope="module")
def standby(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standby]:
    made = Standby(tmp_path_factory.mktemp("standby"), os.environ["NOREN_TEST_ADMIN_URL"])
    yield made
    made.server.remove()


class Site:
    """A web process that knows the standby, and its owner."""

    def __init__(self, base: str, shop: Shop) -> None:
        self.base, self.caller = base, Caller(base, shop.token("owner"))
        self.product = Store(shop).product(name="Tea")
        self.url = f"{API}products/{self.product['id']}/"

    def name(self) -> str:
        return str(self.caller.get(self.url)[1]["name"])

    def names(self) -> list[str]:
        listed = self.caller.get(f"{API}products/?page_size=5")[1]
        return [each["name"] for each in listed["results"]]

    def rename(self, name: str) -> None:
        status, _body = self.caller.send("PATCH", self.url, {"name": name})
        assert status == 200

    def counted(self) -> dict[str, int]:
        headers = {"Authorization": "Bearer figures"}
        text = requests.get(f"{self.base}/metrics", headers=headers, timeout=10).text
        return {name: int(number) for name, number in _COUNTED.findall(text)}

    def reads(self, look: Callable[[], Any]) -> tuple[Any, str]:
        """What was seen, and by whom it was made: the only answer that was made anew."""
        before = self.counted()
        seen = look()
        after = self.counted()
        [made_by] = [name for name in after if after[name] - before.get(name, 0) == 1]
        return seen, made_by


@pytest.fixture
def site(standby: Standby, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("DATABASE_REPLICA_URL", standby.url(os.environ["DATABASE_URL"]))
    monkeypatch.setenv("METRICS_TOKEN", "figures")
    with live_server() as base:
        made = Site(base, shop)
        for _time in range(2):  # The long way first, which leaves recipes.
            made.name(), made.names()
        yield made


def test_a_standby_that_has_caught_up_answers(site: Site, standby: Standby) -> None:
    site.rename("Green tea")
    standby.catch_up()
    assert site.reads(site.name) == ("Green tea", "standby")
    assert site.reads(site.names) == (["Green tea"], "standby")


def test_a_standby_that_is_behind_does_not(site: Site, standby: Standby) -> None:
    standby.catch_up()
    standby.ask("SELECT pg_wal_replay_pause()")
    try:
        site.rename("Black tea")
        assert site.reads(site.name) == ("Black tea", "behind")
        assert site.reads(site.names) == (["Black tea"], "behind")
    finally:
        standby.ask("SELECT pg_wal_replay_resume()")
    site.rename("White tea")
    standby.catch_up()
    assert site.reads(site.name) == ("White tea", "standby")


def test_a_write_is_read_at_once(site: Site) -> None:
    """While the standby follows as it can."""
    for number in range(100):
        site.rename(f"Tea {number}")
        assert site.name() == f"Tea {number}"
        assert site.names() == [f"Tea {number}"]
    assert sum(site.counted().values()) >= 200


def test_stock_that_moves_is_seen(site: Site, shop: Shop, standby: Standby) -> None:
    """Of an answer whose lasting part is kept."""
    standby.ask("SELECT pg_wal_replay_pause()")
    try:
        for left in (90, 80):
            body = {"delta": -10, "reason": "sold"}
            assert site.caller.send("POST", f"{site.url}adjust_stock/", body)[0] == 200
            assert site.caller.get(site.url)[1]["stock_quantity"] == left
    finally:
        standby.ask("SELECT pg_wal_replay_resume()")


def test_others_never_see_it_either(
    site: Site, standby: Standby, shop: Shop, neighbour: Shop
) -> None:
    """Nor does anybody see another tenant's rows there."""
    other, store = Caller(site.base, neighbour.token("owner")), Store(neighbour)
    own: list[str] = []
    for _time in range(4):
        own.insert(0, store.product()["name"])
        standby.catch_up()
        listed = other.get(f"{API}products/?page_size=5")[1]["results"]
        assert [each["name"] for each in listed] == own
        assert other.get(site.url)[0] == 404
    assert site.counted()["standby"] >= 2


def test_a_role_that_policies_do_not_bind_is_refused(
    standby: Standby, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_REPLICA_URL", standby.url(os.environ["DATABASE_OWNER_URL"]))
    refusal = "DATABASE_REPLICA_URL must log in as noren_app"
    with pytest.raises(ServerStartError, match=refusal), live_server():
        pass


def test_a_standby_that_stops_answering(site: Site, standby: Standby) -> None:
    """It is there, takes what it is asked, and says nothing."""
    site.rename("Mint tea")
    standby.catch_up()
    assert site.name() == "Mint tea"
    found = standby.ask(
        "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE usename = 'noren_app'"
    )
    back_ends = [int(each) for each in found.split()]
    for each in back_ends:
        os.kill(each, signal.SIGSTOP)
    try:
        site.rename("Herbal tea")
        began = time.monotonic()
        assert site.reads(site.name) == ("Herbal tea", "away")
        assert time.monotonic() - began < DEADLINE_SECONDS + 2
    finally:
        for each in back_ends:
            os.kill(each, signal.SIGCONT)


def test_when_it_takes_over_no_answer_of_before_is_found(shop: Shop) -> None:
    client, url = shop.client("owner"), f"{API}products/"
    Store(shop).product()
    tag = client.get(url).headers["ETag"]
    assert client.get(url, HTTP_IF_NONE_MATCH=tag).status_code == 304
    database = urlsplit(os.environ["DATABASE_URL"]).path.removeprefix("/")
    done = subprocess.run(
        [sys.executable, "-m", "noren.cli", "db", "promoted", "--database", database],
        env={**os.environ, "DATABASE_ADMIN_URL": os.environ["NOREN_TEST_ADMIN_URL"]},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, f"{database}: answers are made anew.\n"), done
    assert client.get(url, HTTP_IF_NONE_MATCH=tag).status_code == 200


def test_a_standby_that_goes_away(site: Site, standby: Standby, owner: OwnerConnection) -> None:
    standby.server.stop()
    site.rename("Red tea")
    assert site.reads(site.name) == ("Red tea", "away")
    standby.server.start()
    secret = secrets.token_hex(4)
    site.rename(secret)
    standby.catch_up()
    time.sleep(1.1)  # It is left alone for a second.
    # Where it listens elsewhere now, the primary goes on.
    assert site.reads(site.name)[0] == secret

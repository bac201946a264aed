"""Continuous archiving as the guide tells it: back to the moment before an accident."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from noren_kit.backup import programs
from noren_kit.stack import unprivileged
from noren_kit.stack.postgres import EmbeddedPostgres

SECONDS = 30.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "postgres").start()
    yield server
    server.remove()


def empty_folder(server: EmbeddedPostgres, name: str) -> Path:
    """One of the server's user, beside its data."""
    folder = server.location.with_name(name)
    unprivileged.make_private(folder, unprivileged.find_account(server.location))
    return folder


def configure(data: Path, **settings: str) -> None:
    with (data / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())


def ask(server: EmbeddedPostgres, query: str) -> Any:
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        answer = connection.execute(query)
        row = answer.fetchone() if answer.description else None
    return row[0] if row else None


def wait_for(server: EmbeddedPostgres, query: str) -> None:
    ends = time.monotonic() + SECONDS
    while not ask(server, query):
        assert time.monotonic() < ends, f"{query}: not within {SECONDS} s"
        time.sleep(0.05)


def archived(server: EmbeddedPostgres) -> None:
    """What was committed is in the archive, without waiting for `archive_timeout`."""
    segment = ask(server, "SELECT pg_walfile_name(pg_switch_wal())")
    wait_for(server, f"SELECT last_archived_wal >= '{segment}' FROM pg_stat_archiver")


def test_back_to_a_moment(server: EmbeddedPostgres, tmp_path: Path) -> None:
    archive = empty_folder(server, "archive")
    configure(
        server.location,
        wal_level="replica",
        archive_mode="on",
        archive_timeout="60",
        archive_command=f"test ! -f {archive}/%f && cp %p {archive}/%f",
    )
    server.stop()
    server.start()
    password = secrets.token_hex()
    ask(server, f"CREATE ROLE noren_base LOGIN REPLICATION PASSWORD '{password}'")
    ask(server, "CREATE TABLE sold (item text)")
    ask(server, "INSERT INTO sold VALUES ('before the base')")

    base = tmp_path / "base"
    programs.run(
        "pg_basebackup",
        [f"--pgdata={base}", "--format=tar", "--gzip", "--checkpoint=fast"],
        url=make_conninfo(server.admin_url, user="noren_base", password=password),
        server=18,
    )
    ask(server, "INSERT INTO sold VALUES ('after the base')")
    moment = ask(server, "SELECT clock_timestamp()::text")
    ask(server, "DELETE FROM sold")
    archived(server)
    server.stop()

    server.location.rename(server.location.with_name("lost"))
    data = empty_folder(server, server.location.name)
    # The names of owners in it are always "postgres", the numbers are the server's.
    unpack = ["tar", "--numeric-owner", "-xzf", base / "base.tar.gz", "-C", data]
    subprocess.run(unpack, check=True)
    configure(
        data,
        restore_command=f"cp {archive}/%f %p",
        recovery_target_time=moment,
    )
    (data / "recovery.signal").touch()
    server.start()
    wait_for(server, "SELECT pg_get_wal_replay_pause_state() = 'paused'")
    assert ask(server, "SELECT string_agg(item, ', ') FROM sold") == (
        "before the base, after the base"
    )
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        ask(server, "INSERT INTO sold VALUES ('too early')")
    ask(server, "SELECT pg_wal_replay_resume()")
    wait_for(server, "SELECT NOT pg_is_in_recovery()")
    ask(server, "INSERT INTO sold VALUES ('afterwards')")
    archived(server)

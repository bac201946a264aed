"""The embedded PostgreSQL, with real servers: starts, restarts, and every way to die."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from noren_kit.stack import postmaster, unprivileged
from noren_kit.stack.errors import AlreadyRunningError, StackError
from noren_kit.stack.postgres import EmbeddedPostgres, installation

HOLDER = """
import sys, time
from pathlib import Path
from noren_kit.stack.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), fast_unsafe=True).start()
print(server.pid, server._process._guard.pid, server.location, sep="\\n", flush=True)
time.sleep(600)
"""


def ask(server: EmbeddedPostgres, query: str) -> object:
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


@contextlib.contextmanager
def holder(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], int, int, Path]]:
    """Another process that runs the cluster: itself, its server, its guard, the data's place."""
    command = [sys.executable, "-c", HOLDER, str(data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        server, guard, location = (process.stdout.readline().strip() for _ in range(3))
        try:
            yield process, int(server), int(guard), Path(location)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A cluster for tests that only look at it."""
    made = EmbeddedPostgres(tmp_path_factory.mktemp("shared") / "pg", fast_unsafe=True)
    try:
        yield made.start()
    finally:
        made.remove()


def test_restart_keeps_data_port_and_password(cluster):
    with cluster() as server:
        ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
        before = server.admin_url
    with cluster() as server:
        assert ask(server, "SELECT answer FROM kept") == 42
        assert server.admin_url == before


def test_cluster_is_utf8_with_builtin_locale_and_scram(server):
    assert ask(server, "SHOW server_encoding") == "UTF8"
    assert ask(server, "SHOW server_version_num").startswith("18")
    assert ask(server, "SELECT datlocprovider FROM pg_database WHERE datname='template0'") == "b"
    assert ask(server, "SELECT rolpassword FROM pg_authid WHERE rolsuper").startswith("SCRAM-")
    methods = "SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules"
    assert ask(server, methods) == "scram-sha-256"


def test_listens_on_loopback_only_and_on_no_socket(server):
    assert ask(server, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(server, "SHOW unix_socket_directories") == ""


def test_secrets_are_for_the_owner_only(server):
    assert stat.S_IMODE(server.data_dir.with_suffix(".json").stat().st_mode) == 0o600
    assert stat.S_IMODE(server.location.stat().st_mode) == 0o700
    assert not list(server.location.parent.glob("*.secret"))


def test_wrong_password_is_refused(server):
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(server.admin_url, password="wrong")


def test_durable_unless_asked_otherwise(server, cluster):
    names = ("fsync", "synchronous_commit", "full_page_writes")
    assert [ask(server, f"SHOW {name}") for name in names] == ["off"] * 3
    with cluster(fast_unsafe=False) as safe:
        assert [ask(safe, f"SHOW {name}") for name in names] == ["on"] * 3


def test_two_side_by_side(server, cluster):
    with cluster() as other:
        assert other.port != server.port
        assert ask(other, "SHOW port") == str(other.port)
        assert ask(server, "SHOW port") == str(server.port)


def test_same_data_directory_is_refused_while_it_runs(server):
    with pytest.raises(AlreadyRunningError, match=str(os.getpid())):
        EmbeddedPostgres(server.data_dir).start()
    assert ask(server, "SELECT 1") == 1


def test_kept_port_that_is_busy_is_replaced(cluster):
    with cluster() as server:
        port = server.port
    with socket.create_server(("127.0.0.1", port)), cluster() as server:
        assert server.port != port
        assert ask(server, "SELECT 1") == 1


def test_fixed_port_that_is_busy_is_an_error(cluster):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StackError, match=str(port)):
            cluster(port=port).start()
    with cluster(port=port) as server:
        assert server.port == port


def test_ends_after_kill_9_of_its_starter(cluster, tmp_path, eventually):
    with holder(tmp_path / "pg") as (process, server_pid, _, location):
        assert postmaster.is_server_of(server_pid, location)
        process.kill()
        assert eventually(lambda: not postmaster.is_server_of(server_pid, location), 10)
    with cluster() as server:
        assert ask(server, "SELECT 1") == 1


def test_orphan_without_guard_is_ended_by_the_next_start(cluster, tmp_path):
    with holder(tmp_path / "pg") as (process, server_pid, guard_pid, location):
        os.kill(guard_pid, signal.SIGKILL)
        process.kill()
        process.wait()
        assert postmaster.is_server_of(server_pid, location)
    with cluster() as server:
        assert server.pid != server_pid
        assert not postmaster.is_server_of(server_pid, location)
        assert ask(server, "SELECT 1") == 1


def test_stale_pid_file_whose_number_is_in_use_again(cluster):
    with cluster() as server:
        pid_file = server.location / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
    account = unprivileged.find_account(server.location)
    identity = {} if account is None else {"user": account.uid, "group": account.gid}
    with subprocess.Popen(["/bin/sleep", "60"], cwd="/", **identity) as stranger:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        if account is not None:
            os.chown(pid_file, account.uid, account.gid)
        with cluster() as server:
            assert ask(server, "SELECT 1") == 1
        assert stranger.poll() is None
        stranger.kill()


def test_crashed_server_is_started_again_on_its_port(cluster, eventually):
    with cluster() as server:
        before, port = server.pid, server.port
        assert not server.ensure_running()
        os.kill(before, signal.SIGKILL)
        assert eventually(server.ensure_running, 10)
        assert (server.port, server.pid != before) == (port, True)
        assert ask(server, "SELECT 1") == 1


def test_interrupted_first_start_leaves_nothing_half_made(cluster, tmp_path):
    (tmp_path / "pg.new").mkdir()
    (tmp_path / "pg.new" / "PG_VERSION").write_text("18\n")
    with cluster() as server:
        assert ask(server, "SELECT 1") == 1
    assert not (tmp_path / "pg.new").exists()


def test_closed_parent_folder_and_odd_names_work_and_stay_as_they_are(cluster, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    before = closed.stat()
    with cluster("closed/with space/it's 暖簾/pg") as server:
        ask(server, "CREATE TABLE kept AS SELECT 7 AS answer")
        place = server.location
    with cluster("closed/with space/it's 暖簾/pg") as server:
        assert ask(server, "SELECT answer FROM kept") == 7
        assert server.location == place
    after = closed.stat()
    assert (before.st_mode, before.st_uid) == (after.st_mode, after.st_uid)
    assert place.is_dir()


def test_copied_program_runs_for_everybody(tmp_path):
    source = installation()
    target = tmp_path / "copy"
    for _ in range(2):
        unprivileged.copy_program(
            source, source.parent.with_name(f"{source.parent.name}.libs"), target
        )
    program = target / source.parent.name / source.name / "bin" / "initdb"
    assert unprivileged.can_run(None, program)
    assert all(path.stat().st_mode & 0o004 for path in target.rglob("*") if path.is_file())
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_failure_to_start_shows_the_log(cluster):
    with cluster() as server:
        location = server.location
    (location / "postgresql.auto.conf").write_text("work_mem = nonsense\n")
    with pytest.raises(StackError, match="work_mem"):
        cluster().start()

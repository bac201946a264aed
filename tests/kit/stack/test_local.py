"""The whole stack from start to end, as a program that gets real signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from noren_kit.stack.commands import command_environment
from noren_kit.stack.environment import running_environment
from noren_kit.stack.errors import StackError
from noren_kit.stack.ports import any_free, is_free
from noren_kit.stack.postgres import EmbeddedPostgres
from noren_kit.stack.private import read_json

PROGRAM = Path(__file__).with_name("small_stack.py")
OUTSIDE = ("DATABASE_", "REDIS_", "SECRET_KEY", "JWT_", "DJANGO_", "NOREN_")


@dataclass
class Started:
    """A running stack, and what it printed until it was ready."""

    process: subprocess.Popen[str]
    home: Path
    base_url: str = ""

    def environment(self) -> dict[str, str]:
        with urllib.request.urlopen(self.base_url, timeout=5) as answer:
            return json.load(answer)

    def end(self, number: int) -> str:
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=30)
        return output


class Launcher:
    """Starts stacks in one home and kills what a failed test leaves running."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = any_free()
        self._started: list[subprocess.Popen[str]] = []

    def spawn(self, *flaw: str, **outside: str) -> subprocess.Popen[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OUTSIDE)}
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(self.home), str(self.port), *flaw],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=kept | outside,
        )
        self._started.append(process)
        return process

    def ready(self, **outside: str) -> Started:
        process = self.spawn(**outside)
        assert process.stdout is not None
        seen = []
        for line in process.stdout:
            seen.append(line)
            if line.startswith("ready "):
                return Started(process, self.home, line.split()[1])
        raise AssertionError("".join(seen))

    def close(self) -> None:
        for process in self._started:
            process.kill()
            process.communicate()
        EmbeddedPostgres(self.home / "postgres").start().remove()


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Launcher]:
    launcher = Launcher(tmp_path / "var")
    yield launcher
    launcher.close()


def ports_of(environment: dict[str, str]) -> list[int]:
    urls = (environment[name] for name in ("DATABASE_URL", "REDIS_URL"))
    return [urlsplit(url).port or 0 for url in urls]


def test_start_use_and_ctrl_c(launcher):
    with socket.create_server(("127.0.0.1", launcher.port)):
        stack = launcher.ready(SECRET_KEY="mine")
    assert stack.base_url != f"http://127.0.0.1:{launcher.port}"
    run_file = launcher.home / "run.json"
    assert read_json(run_file) == {"base_url": stack.base_url}
    for name in ("run.json", "stack.json", "secrets.json"):
        assert stat.S_IMODE((launcher.home / name).stat().st_mode) == 0o600

    given = stack.environment()
    assert given["SECRET_KEY"] == "mine"
    assert given["DJANGO_SETTINGS_MODULE"] == "small.settings"
    assert given["JWT_PRIVATE_KEY"].startswith("-----BEGIN PRIVATE KEY-----")
    with psycopg.connect(given["DATABASE_URL"]) as connection:
        assert connection.info.user == "noren_app"
    assert running_environment(launcher.home)["DATABASE_URL"] == given["DATABASE_URL"]

    second = launcher.spawn()
    assert "already run by process" in second.communicate(timeout=20)[0]
    assert second.returncode == 1
    assert run_file.exists()

    output = stack.end(signal.SIGINT)
    assert stack.process.returncode == 0, output
    assert "web finished its work" in output
    assert not run_file.exists()
    assert running_environment(launcher.home) == {}
    assert all(map(is_free, ports_of(given)))


def test_kill_9_leaves_nothing_and_the_next_start_works(launcher, eventually):
    stack = launcher.ready()
    first = stack.environment()
    stack.process.kill()
    again = launcher.ready()
    second = again.environment()
    assert again.base_url == stack.base_url
    assert second["JWT_PRIVATE_KEY"] == first["JWT_PRIVATE_KEY"]
    again.process.kill()
    ports = [launcher.port, *ports_of(second)]
    assert eventually(lambda: all(map(is_free, ports)), 10)
    assert running_environment(launcher.home) == {}


def test_failed_preparation_stops_the_stack(launcher):
    process = launcher.spawn("unprepared")
    output, _ = process.communicate(timeout=40)
    assert process.returncode == 1
    assert "could not be prepared (exit code 3)" in output
    assert "no such table" in output


@pytest.fixture
def nothing_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(OUTSIDE)]:
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("nothing_outside")
def test_command_without_a_stack_gets_a_database_for_itself(launcher):
    with command_environment(launcher.home, "small.settings"):
        url = os.environ["DATABASE_OWNER_URL"]
        with psycopg.connect(url) as connection:
            assert connection.info.user == "noren_owner"
        assert os.environ["DJANGO_SETTINGS_MODULE"] == "small.settings"
    assert "DATABASE_OWNER_URL" not in os.environ
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    with command_environment(launcher.home, "small.settings", needs_database=False):
        assert "127.0.0.1:1/" in os.environ["DATABASE_URL"]


@pytest.mark.usefixtures("nothing_outside")
def test_command_joins_the_running_stack(launcher):
    stack = launcher.ready()
    expected = stack.environment()["REDIS_URL"]
    with command_environment(launcher.home, "unused"):
        assert os.environ["REDIS_URL"] == expected
    stack.end(signal.SIGHUP)
    assert stack.process.returncode == 0


@pytest.mark.usefixtures("nothing_outside")
def test_half_an_outside_database_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://noren_app:x@db.example/noren")
    refused = pytest.raises(StackError, match="DATABASE_OWNER_URL")
    with refused, command_environment(tmp_path, "small.settings"):
        pass

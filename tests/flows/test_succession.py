"""A web server is replaced on its socket, and says before it stops that it will."""

from __future__ import annotations

import http.client
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from noren_kit.stack.ports import LOOPBACK, any_free
from noren_kit.stack.process import GuardedProcess

APPLICATION = ":".join(settings.WSGI_APPLICATION.rsplit(".", 1))
RELEASE = """
import time

def app(environ, start_response):
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    time.sleep(0.01)
    start_response("200 OK", [("Content-Length", "1")])
    return [b"{version}"]
"""


def ask(port: int, method: str = "POST", path: str = "/") -> tuple[int, bytes]:
    """One request over a connection of its own.

    A server that ends closes connections on which it has not yet been asked: what could not be
    sent whole was never begun, and is sent again, once, as nginx does.
    """
    try:
        return _ask(port, method, path)
    except BrokenPipeError:
        return _ask(port, method, path)


def _ask(port: int, method: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=20)
    try:
        connection.request(method, path, b"{}" if method == "POST" else None)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def eventually(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def answers(port: int, wanted: bytes) -> bool:
    try:
        return ask(port) == (200, wanted)
    except OSError:
        return False


class Served:
    """A server whose release is a file, and what it has written."""

    def __init__(self, folder: Path) -> None:
        self.port, self._folder, self._log = any_free(), folder, folder / "log"
        self.release("1")
        argv = [sys.executable, "-m", "noren_kit.api.succession", "release:app"]
        with self._log.open("wb") as output:
            self.process = GuardedProcess(
                [*argv, "--port", str(self.port), "--workers", "2"],
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])},
                output=output,
            )
            self.process.start()

    def release(self, version: str) -> None:
        (self._folder / "release.py").write_text(RELEASE.replace("{version}", version))

    def break_release(self) -> None:
        (self._folder / "release.py").write_text("raise RuntimeError('a bad release')")

    def replace(self, said: str) -> None:
        before = self._log.read_text().count(said)
        os.kill(self.process.pid, signal.SIGHUP)
        eventually(lambda: self._log.read_text().count(said) > before)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = Served(tmp_path)
    try:
        eventually(lambda: answers(server.port, b"1"))
        yield server
    finally:
        server.process.stop()


def test_no_request_is_lost_while_servers_follow_each_other(served: Served) -> None:
    over, failures, versions = threading.Event(), [], set()

    def call() -> None:
        while not over.is_set():
            try:
                status, version = ask(served.port)
            except (OSError, http.client.HTTPException) as error:
                failures.append(repr(error))
            else:
                versions.add((status, version))

    callers = [threading.Thread(target=call) for _ in range(6)]
    for caller in callers:
        caller.start()
    for version in "23":
        served.release(version)
        served.replace("server_replaced")
    eventually(lambda: (200, b"3") in versions)
    over.set()
    for caller in callers:
        caller.join()
    assert failures == []
    assert versions == {(200, b"1"), (200, b"2"), (200, b"3")}
    assert served.process.stop() == 0


def test_a_release_that_does_not_come_up_changes_nothing(served: Served) -> None:
    served.break_release()
    served.replace("server_not_replaced")
    assert ask(served.port) == (200, b"1")
    served.release("2")
    served.replace("server_replaced")
    assert ask(served.port) == (200, b"2")


def test_readiness_fails_before_the_server_stops(tmp_path: Path) -> None:
    port = any_free()
    argv = [sys.executable, "-m", "noren_kit.api.serving", APPLICATION, "--port", str(port)]
    with (tmp_path / "log").open("wb") as output:
        server = GuardedProcess(
            [*argv, "--workers", "2", "--drain-seconds", "2"], env=os.environ, output=output
        )
        server.start()
    try:
        eventually(lambda: _status(port, "/health/live/") == 200)
        assert _status(port, "/health/ready/") != 503
        server.ask_to_stop()
        eventually(lambda: _status(port, "/health/ready/") == 503, 1.5)
        assert _status(port, "/health/live/") == 200, "it goes on serving"
        assert server.wait(30) == 0
    finally:
        server.stop()


def _status(port: int, path: str) -> int:
    try:
        return ask(port, "GET", path)[0]
    except OSError:
        return 0

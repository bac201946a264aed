"""A web server that is replaced without losing a connection.

This process holds the listening socket and serves nothing itself. At SIGHUP it starts a second
server (`noren_kit.api.serving`, a fresh interpreter, so a new release) on the same socket; once
that one has imported its application the first takes no more connections, finishes its requests
and ends. Connections that arrive meanwhile wait in the socket, which never closes. A release
that does not come up changes nothing: the first goes on.

    python -m noren_kit.api.succession MODULE:NAME --port 8000    # options as for serving

SIGTERM and SIGINT go on to the server; this process ends with it, and with its exit code.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

TICK_SECONDS = 0.2
START_SECONDS = 60.0
BACKLOG = 1024


def _say(event: str, **facts: int | str | None) -> None:
    """A line like the application's, which is not imported here."""
    line: dict[str, int | str | None] = {"event": event, **facts, "logger": "noren.succession"}
    line["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    print(json.dumps(line), file=sys.stderr, flush=True)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    listening.listen(BACKLOG)
    listening.setblocking(False)
    return listening


class Succession:
    """One server after the other on one socket; `options` are those of `serving`."""

    def __init__(self, options: Sequence[str], host: str, port: int) -> None:
        self._options = list(options)
        self._socket = _listen(host, port)
        self._server: subprocess.Popen[bytes] | None = None
        self._asked: list[int] = []

    def run(self) -> int:
        """Serve until the server ends; return its exit code."""
        for asked in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(asked, lambda number, _frame: self._asked.append(number))
        self._server = self._start()
        while (code := self._server.poll()) is None:
            if not self._asked:
                time.sleep(TICK_SECONDS)
                continue
            number = self._asked.pop(0)
            if number == signal.SIGHUP:
                self._succeed(self._server)
            else:
                self._server.send_signal(number)
        return code if code >= 0 else 128 - code

    def _start(self) -> subprocess.Popen[bytes]:
        """A server that has imported its application; one that has ended where it could not."""
        reading, writing = os.pipe()
        listening = self._socket.fileno()
        inherited = ["--listening", str(listening), "--ready", str(writing)]
        server = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-m", "noren_kit.api.serving", *self._options, *inherited],
            pass_fds=(listening, writing),
        )
        os.close(writing)
        with os.fdopen(reading, "rb") as answer:
            deadline = time.monotonic() + START_SECONDS
            while time.monotonic() < deadline:
                if select.select([answer], [], [], TICK_SECONDS)[0]:
                    break
                if signal.SIGTERM in self._asked or signal.SIGINT in self._asked:
                    break
            else:
                server.kill()
        return server

    def _succeed(self, old: subprocess.Popen[bytes]) -> None:
        new = self._start()
        if signal.SIGTERM in self._asked or signal.SIGINT in self._asked:
            new.terminate()
            new.wait()
            return
        try:
            new.wait(1)  # for its workers to be there; or it has failed already
        except subprocess.TimeoutExpired:
            self._server = new
            old.send_signal(signal.SIGINT)
            _say("server_replaced", old=old.pid, new=new.pid)
            old.wait()
            return
        _say("server_not_replaced", old=old.pid, exit_code=new.returncode)


def main() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    place, rest = parser.parse_known_args()
    options = [*rest, "--host", place.host, "--port", str(place.port)]
    sys.exit(Succession(options, place.host, place.port).run())


if __name__ == "__main__":
    main()

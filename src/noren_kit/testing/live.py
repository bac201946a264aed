"""A real server over the test database: for clients in parallel, and for tools that need a port.

Requests of the test client share the test's process and connection; races, worker processes and
what the server itself does to a request are seen over a socket alone.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from noren_kit.stack.ports import LOOPBACK, any_free
from noren_kit.stack.process import GuardedProcess

START_SECONDS = 60.0


class ServerStartError(RuntimeError):
    """The server gave up or stayed silent; the message holds what it wrote."""


def _command(port: int, workers: int) -> list[str]:
    module, _dot, name = settings.WSGI_APPLICATION.rpartition(".")
    options = f"--host {LOOPBACK} --port {port} --workers {workers} --threads 1"
    return [sys.executable, "-m", "noren_kit.api.serving", f"{module}:{name}", *options.split()]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310  our own address
            return bool(response.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _await_ready(server: GuardedProcess, url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(url):
        if server.poll() is not None or time.monotonic() > deadline:
            raise ServerStartError(log.read_text(errors="replace")[-4_000:])
        time.sleep(0.1)


@contextmanager
def live_server(workers: int = 1, ready_path: str = "/health/ready/") -> Iterator[str]:
    """Serve the project as in production, in `workers` processes; yields the base URL.

    The server has this process's environment, so it works on this test's database, with the
    settings under test, and ends with the block (or with us, whatever happens to us). Raises
    `ServerStartError` with the server's output.
    """
    port = any_free()
    base_url = f"http://{LOOPBACK}:{port}"
    with tempfile.TemporaryDirectory(prefix="noren-live-") as folder:
        log = Path(folder) / "server.log"
        with log.open("wb") as output:
            server = GuardedProcess(_command(port, workers), env=os.environ, output=output)
            server.start()
            try:
                _await_ready(server, base_url + ready_path, log)
                yield base_url
            finally:
                server.stop()


class Caller:
    """A client with one connection to a live server, kept open."""

    def __init__(self, base_url: str, token: str | None = None) -> None:
        parts = urlsplit(base_url)
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        self.headers = {"Content-Type": "application/json"}
        if token is not None:
            self.headers["Authorization"] = f"Bearer {token}"

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """The answer's status and its JSON, None where it has no body."""
        sent = None if body is None else json.dumps(body)
        self.connection.request(method, path, sent, {**self.headers, **headers})
        response = self.connection.getresponse()
        content = response.read()
        return response.status, json.loads(content) if content else None

    def get(self, path: str) -> tuple[int, Any]:
        return self.send("GET", path)

    def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        return self.send("POST", path, body)

    def close(self) -> None:
        self.connection.close()

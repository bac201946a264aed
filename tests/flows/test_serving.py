"""The web server forks workers from a process that has imported the application."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from noren_kit.stack.ports import LOOPBACK, any_free
from noren_kit.stack.process import GuardedProcess

TARGET = ":".join(settings.WSGI_APPLICATION.rsplit(".", 1))
PROGRAM = """
import gc, json, os, sys
from pathlib import Path
from noren_kit.api.serving import import_and_freeze

import_and_freeze(sys.argv[1])
files = [os.readlink(file) for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
print(json.dumps({
    "sockets": [file for file in files if file.startswith("socket:")],
    "threads": len(list(Path("/proc/self/task").iterdir())),
    "unused": sorted({"celery", "kombu", "requests", "rich"} & {
        name for name, module in sys.modules.items() if module
    }),
}), flush=True)

from noren_kit.core.ids import uuid7

for _child in range(2):
    if os.fork() == 0:
        gc.collect()
        text = Path("/proc/self/smaps_rollup").read_text()
        kilobytes = dict(line.split()[:2] for line in text.splitlines()[1:])
        print(json.dumps({
            "own": int(kilobytes["Private_Dirty:"]),
            "all": int(kilobytes["Rss:"]),
            "random": str(uuid7())[24:],
            "views": "noren.orders.views" in sys.modules,
        }), flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def told() -> list[dict[str, Any]]:
    """What the importing process and two children of it say about themselves."""
    output = subprocess.check_output([sys.executable, "-c", PROGRAM, TARGET], text=True)
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def test_nothing_is_open_before_the_fork(told: list[dict[str, Any]]) -> None:
    assert (told[0]["sockets"], told[0]["threads"]) == ([], 1)


def test_what_answers_never_use_is_not_in_memory(told: list[dict[str, Any]]) -> None:
    assert told[0]["unused"] == []


def test_workers_share_what_was_imported(told: list[dict[str, Any]]) -> None:
    for child in told[1:]:
        assert child["views"], "no worker imports them for itself"
        assert child["own"] < child["all"] / 5, "not even the collector copies it"


def test_workers_share_no_random_state(told: list[dict[str, Any]]) -> None:
    assert told[1]["random"] != told[2]["random"]


def test_a_stalled_body_does_not_keep_the_server_up(tmp_path: Path) -> None:
    port = any_free()
    argv = [sys.executable, "-m", "noren_kit.api.serving", TARGET, "--port", str(port)]
    argv += ["--workers", "1", "--threads", "1", "--stop-seconds", "1"]
    log = tmp_path / "log"
    with log.open("wb") as output:
        server = GuardedProcess(argv, env=os.environ, output=output, grace=30)
        server.start()
        try:
            with _connected(port) as line:
                line.sendall(
                    b"POST /api/auth/token/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                    b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
                )
                time.sleep(1)  # until it is being read
                began = time.monotonic()
                server.stop()
        finally:
            server.stop()
    assert time.monotonic() - began < 15
    assert "refused to gracefully stop" in log.read_text(), "the body was being waited for"


def _connected(port: int) -> socket.socket:
    deadline = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection((LOOPBACK, port), timeout=30)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)

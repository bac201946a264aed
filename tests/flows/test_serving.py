"""The web server forks workers from a process that has imported the application."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings

PROGRAM = """
import gc, json, os, sys
from pathlib import Path
from noren_kit.api.serving import import_and_freeze

import_and_freeze(sys.argv[1])
files = [os.readlink(file) for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
print(json.dumps({
    "sockets": [file for file in files if file.startswith("socket:")],
    "threads": len(list(Path("/proc/self/task").iterdir())),
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
    target = ":".join(settings.WSGI_APPLICATION.rsplit(".", 1))
    output = subprocess.check_output([sys.executable, "-c", PROGRAM, target], text=True)
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def test_nothing_is_open_before_the_fork(told: list[dict[str, Any]]) -> None:
    assert told[0] == {"sockets": [], "threads": 1}


def test_workers_share_what_was_imported(told: list[dict[str, Any]]) -> None:
    for child in told[1:]:
        assert child["views"], "no worker imports them for itself"
        assert child["own"] < child["all"] / 5, "not even the collector copies it"


def test_workers_share_no_random_state(told: list[dict[str, Any]]) -> None:
    assert told[1]["random"] != told[2]["random"]

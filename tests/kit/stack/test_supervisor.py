"""Supervision of real processes: output, restarts, stopping, and processes with children."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from noren_kit.stack.errors import StackError
from noren_kit.stack.private import DirectoryLock, write_private
from noren_kit.stack.process import GuardedProcess
from noren_kit.stack.supervisor import Console, ProcessSpec, Supervisor

POLITE = """
import signal, sys, time
def stop(*_):
    print("polite goodbye", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("polite hello", flush=True)
while True:
    time.sleep(0.1)
"""
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("child", child.pid, flush=True)
time.sleep(600)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def supervise(tmp_path: Path, code: str, grace: float = 5.0) -> tuple[Supervisor, io.StringIO]:
    output = io.StringIO()
    spec = ProcessSpec("it", [sys.executable, "-c", code], dict(os.environ), grace)
    return Supervisor([spec], cwd=tmp_path, console=Console(output), pauses=[0.1]), output


def test_output_is_prefixed_and_stop_is_polite(tmp_path, eventually):
    supervisor, output = supervise(tmp_path, POLITE)
    supervisor.start()
    assert eventually(lambda: "polite hello" in output.getvalue(), 10)
    supervisor.stop()
    lines = output.getvalue().splitlines()
    assert [line.partition("| ")[2] for line in lines] == ["polite hello", "polite goodbye"]
    assert all("it " in line.partition("|")[0] for line in lines)


def test_killed_process_comes_back(tmp_path, eventually):
    supervisor, output = supervise(tmp_path, POLITE)
    supervisor.start()
    first = supervisor.pids()["it"]
    os.kill(first, signal.SIGKILL)

    def back() -> bool:
        supervisor.tick()
        return supervisor.pids().get("it", first) != first

    assert eventually(back, 10)
    supervisor.stop()
    assert "exit code 137" in output.getvalue()


def test_process_that_cannot_live_is_given_up(tmp_path):
    supervisor, _ = supervise(tmp_path, "print('broken'); raise SystemExit(9)")
    supervisor.start()

    def watch() -> None:
        while supervisor.tick() is None:
            time.sleep(0.02)

    with pytest.raises(StackError, match=r"(?s)exit code 9.*broken"):
        watch()
    supervisor.stop()


def test_stubborn_process_and_its_children_are_killed_after_the_grace(tmp_path, eventually):
    supervisor, output = supervise(tmp_path, STUBBORN, grace=0.5)
    supervisor.start()
    assert eventually(lambda: "child" in output.getvalue(), 10)
    child = int(output.getvalue().split()[-1])
    parent = supervisor.pids()["it"]
    started = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - started < 5
    assert eventually(lambda: not alive(child) and not alive(parent), 5)


def test_impatience_ends_all_at_once(tmp_path, eventually):
    supervisor, output = supervise(tmp_path, STUBBORN, grace=60)
    supervisor.start()
    assert eventually(lambda: "child" in output.getvalue(), 10)
    supervisor.kill()
    started = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - started < 5


def test_child_of_a_killed_guard_does_not_stay(tmp_path, eventually):
    process = GuardedProcess([sys.executable, "-c", "import time; time.sleep(600)"])
    process.start()
    assert process._guard is not None
    process._guard.kill()
    assert eventually(lambda: process.poll() is not None, 5)
    assert eventually(lambda: not alive(process.pid), 5)


def test_program_that_does_not_exist_is_reported(tmp_path):
    process = GuardedProcess([str(tmp_path / "nothing")], output=subprocess.DEVNULL)
    with pytest.raises(StackError, match="nothing could not be started"):
        process.start()


def test_private_files_are_replaced_whole(tmp_path):
    write_private(tmp_path / "new" / "secret", "one")
    write_private(tmp_path / "new" / "secret", "two")
    assert (tmp_path / "new" / "secret").read_text() == "two"
    assert (tmp_path / "new" / "secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["secret"]


def test_lock_says_whether_it_is_held(tmp_path):
    one, other = (DirectoryLock(tmp_path / "lock", "It") for _ in range(2))
    assert not other.is_held()
    one.acquire()
    assert other.is_held()
    one.release()
    assert not other.is_held()

"""Keeps a server from outliving whoever started it, even when that one dies by kill -9.

Run as a program between the two: the starter holds the other end of this process's standard
input. A byte there asks for a stop, and end of file means that the starter is gone; the server
then gets its stop signal, time to finish (less if nobody is waiting), and then SIGKILL for its
whole process group. Portable, unlike PR_SET_PDEATHSIG; plain standard library, so that it starts
in some 20 ms.
"""

import enum
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NOT_STARTED = 127


@contextmanager
def signals_as_bytes() -> Iterator[int]:
    """Give a descriptor from which each arriving signal can be read as one byte."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (*STOPPING_SIGNALS, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(-1)
        os.close(reading)
        os.close(writing)


class Asked(enum.Enum):
    """Who wants the child to end."""

    NOBODY = enum.auto()
    STARTER = enum.auto()
    DEATH_OF_STARTER = enum.auto()


def wait_for_request(child: subprocess.Popen[bytes], signals: int) -> Asked:
    """Wait until the child has ended by itself (NOBODY) or is to be stopped."""
    starter = sys.stdin.fileno()
    while child.poll() is None:
        readable, _, _ = select.select([signals, starter], [], [])
        if signals in readable and stop_signal_in(os.read(signals, 64)):
            return Asked.STARTER
        if starter in readable:
            return Asked.STARTER if os.read(starter, 64) else Asked.DEATH_OF_STARTER
    return Asked.NOBODY


def wait_for_end(child: subprocess.Popen[bytes], signals: int, seconds: float) -> None:
    """Wait for the child's end, until the time is over or a further signal is impatient."""
    deadline = time.monotonic() + seconds
    while child.poll() is None and (left := deadline - time.monotonic()) > 0:
        readable, _, _ = select.select([signals], [], [], left)
        if readable and stop_signal_in(os.read(signals, 64)):
            return


def stop_signal_in(arrived: bytes) -> bool:
    """Say whether one of the signals that arrived asks for a stop."""
    return any(number in arrived for number in STOPPING_SIGNALS)


def end_group(group: int) -> None:
    """Kill whatever is left of the child's process group."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # macOS answers EPERM for a group that holds nothing but zombies.
        return


@dataclass(frozen=True)
class Orders:
    """How to run and how to stop the child; times in seconds, a uid of -1 keeps ours."""

    stop_signal: int
    grace: float
    orphan_grace: float
    pid_fd: int
    uid: int
    gid: int


def start(argv: list[str], orders: Orders) -> subprocess.Popen[bytes]:
    """Start the child in a process group of its own and report its process id."""
    if orders.uid < 0:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, process_group=0)  # noqa: S603
    else:
        child = subprocess.Popen(  # noqa: S603
            argv,
            stdin=subprocess.DEVNULL,
            process_group=0,
            user=orders.uid,
            group=orders.gid,
            extra_groups=[],
        )
    os.write(orders.pid_fd, f"{child.pid}\n".encode())
    os.close(orders.pid_fd)
    return child


def guard(argv: list[str], orders: Orders) -> int:
    """Run the command to its end and return its exit code (128 + n after signal n)."""
    with signals_as_bytes() as signals:
        try:
            child = start(argv, orders)
        except OSError as error:
            print(f"cannot start {argv[0]}: {error}", file=sys.stderr)
            return NOT_STARTED
        asked = wait_for_request(child, signals)
        if asked is not Asked.NOBODY:
            child.send_signal(orders.stop_signal)
            patient = asked is Asked.STARTER
            wait_for_end(child, signals, orders.grace if patient else orders.orphan_grace)
        end_group(child.pid)
        code = child.wait()
    return code if code >= 0 else 128 - code


def main() -> int:
    """Read the orders, field by field, and then the command from the arguments."""
    stop_signal, grace, orphan_grace, pid_fd, uid, gid = sys.argv[1:7]
    orders = Orders(
        int(stop_signal), float(grace), float(orphan_grace), int(pid_fd), int(uid), int(gid)
    )
    return guard(sys.argv[7:], orders)


if __name__ == "__main__":
    sys.exit(main())

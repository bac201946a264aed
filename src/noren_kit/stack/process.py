"""A child process under its guard: the only way in which the stack starts servers."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import IO

from noren_kit.stack import guard
from noren_kit.stack.errors import StackError


@dataclass(frozen=True)
class Account:
    """The user and group that a child runs as."""

    uid: int
    gid: int


class GuardedProcess:
    """A command that ends with us, whatever happens to us (see `guard`).

    `stop_signal` asks it to finish, `grace` is the time for that in seconds before its whole
    process group is killed, `orphan_grace` that time if we have died. `account` (root only) is
    whom it runs as.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        output: int | IO[bytes] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace: float = 20.0,
        orphan_grace: float = 5.0,
        account: Account | None = None,
    ) -> None:
        self.argv = list(argv)
        self.env = env
        self.cwd = cwd
        self.output = output
        self.stop_signal = stop_signal
        self.grace = grace
        self.orphan_grace = orphan_grace
        self.account = account
        self.pid = 0
        self._guard: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; raises StackError if the command cannot be executed."""
        reading, writing = os.pipe()
        try:
            self._guard = subprocess.Popen(  # noqa: S603 - our own program
                self._guard_command(writing),
                stdin=subprocess.PIPE,
                stdout=self.output,
                stderr=subprocess.STDOUT if self.output is not None else None,
                env=None if self.env is None else dict(self.env),
                cwd=self.cwd,
                pass_fds=(writing,),
                start_new_session=True,
            )
        finally:
            os.close(writing)
            with os.fdopen(reading) as answer:
                line = answer.readline() if self._guard is not None else ""
        if not line:
            raise StackError(f"{self.argv[0]} could not be started (exit code {self.wait()}).")
        self.pid = int(line)

    def _guard_command(self, pid_fd: int) -> list[str]:
        account = self.account or Account(-1, -1)
        orders = guard.Orders(
            int(self.stop_signal),
            self.grace,
            self.orphan_grace,
            pid_fd,
            account.uid,
            account.gid,
        )
        program = [sys.executable, "-I", "-S", guard.__file__]
        return [*program, *map(str, astuple(orders)), *self.argv]

    @property
    def stdout(self) -> IO[bytes] | None:
        """What it writes, if `output` is `subprocess.PIPE`."""
        return self._guard.stdout if self._guard else None

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        if self._guard is None:
            return 0
        code = self._guard.poll()
        if code is not None and code < 0 and self.pid:
            # Only a killed guard ends by a signal; its child has no one else to end it.
            guard.end_group(self.pid)
        return code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end (seconds) and return its exit code; raises subprocess.TimeoutExpired."""
        if self._guard is None:
            return 0
        self._guard.wait(timeout)
        return self.poll() or 0

    def ask_to_stop(self) -> None:
        """Let the guard begin to stop it; returns at once."""
        if self._guard is not None and self._guard.stdin is not None:
            with contextlib.suppress(BrokenPipeError, ValueError):
                self._guard.stdin.write(b"stop")
                self._guard.stdin.close()

    def stop(self) -> int:
        """Stop it, by force once its grace is over, and return its exit code."""
        self.ask_to_stop()
        return self.wait()

    def end_group(self) -> None:
        """Kill it and its process group at once; its guard then ends too."""
        if self.pid and self.poll() is None:
            guard.end_group(self.pid)

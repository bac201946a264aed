"""Runs several processes side by side, shows what they write, and starts again what dies.

Honcho's printer and colours are used, its Manager is not: it ends everything as soon as one
process ends, cannot restart, turns a clean Ctrl-C into exit code 130, and after its own kill -9
leaves all children behind, as it puts them into sessions of their own.
"""

import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO

from honcho.colour import get_colours  # type: ignore[import-untyped]
from honcho.printer import Message, Printer  # type: ignore[import-untyped]

from noren_kit.stack.errors import StackError
from noren_kit.stack.process import GuardedProcess

SYSTEM = "stack"
QUICK_DEATH_SECONDS = 10.0
MOST_QUICK_DEATHS = 5


@dataclass(frozen=True)
class ProcessSpec:
    """A process to run; `grace` is what it gets after SIGTERM, in seconds, to finish its work."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    grace: float = 20.0


class Console:
    """Prefixes lines with time and process name; safe to use from several threads."""

    def __init__(self, output: IO[str] | None = None) -> None:
        self._printer = Printer(output or sys.stdout)
        self._lock = threading.Lock()
        self._readable = True

    def reserve(self, name: str) -> None:
        """Widen the prefix so that this name fits in."""
        self._printer.width = max(self._printer.width, len(name))

    def write(self, name: str, line: str, colour: str | None = None) -> None:
        """Print a line; once nobody reads our output any more, drop it."""
        with self._lock:
            if not self._readable:
                return
            try:
                self._printer.write(Message("line", line, datetime.now(), name, colour))
            except BrokenPipeError:
                # Going on reading matters more: a process with a full pipe stands still.
                self._readable = False


@dataclass
class _Running:
    spec: ProcessSpec
    colour: str
    process: GuardedProcess | None = None
    started: float = 0.0
    start_at: float = 0.0
    quick_deaths: int = 0
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=20))
    reader: threading.Thread | None = None


class Supervisor:
    """Keeps processes running until `stop`; call `tick` a few times a second.

    A process that ends, for whatever reason, is started again after a pause that grows; five
    ends within ten seconds of their starts, one after the other, raise StackError. `pauses` are
    the seconds before the first, second, ... restart in a row.
    """

    def __init__(
        self,
        specs: Sequence[ProcessSpec],
        *,
        cwd: Path,
        console: Console | None = None,
        pauses: Sequence[float] = (0.5, 1.0, 2.0, 4.0),
    ) -> None:
        self._pauses = pauses
        self._cwd = cwd
        self._console = console or Console()
        colours = get_colours()
        self._running = [_Running(spec, next(colours)) for spec in specs]
        for name in (SYSTEM, *(spec.name for spec in specs)):
            self._console.reserve(name)

    def start(self) -> None:
        """Start all processes, in their order."""
        for running in self._running:
            self._start(running)

    def pids(self) -> dict[str, int]:
        """Return the process ids of those that run, by name."""
        alive = [each for each in self._running if each.process and each.process.poll() is None]
        return {each.spec.name: each.process.pid for each in alive if each.process}

    def tick(self) -> None:
        """Restart what has died and is due. Raises StackError if one keeps dying."""
        for running in self._running:
            if running.process is None:
                if time.monotonic() >= running.start_at:
                    self._start(running)
                continue
            code = running.process.poll()
            if code is not None:
                self._bury(running, code)

    def stop(self) -> None:
        """Ask all to stop, in their order, and wait until the last is gone."""
        processes = [running.process for running in self._running if running.process]
        for process in processes:
            process.ask_to_stop()
        for process in processes:
            process.wait()
        for running in self._running:
            running.process = None
            if running.reader is not None:
                running.reader.join(timeout=2)

    def kill(self) -> None:
        """End all at once, without grace; for someone who won't wait for `stop`."""
        for running in self._running:
            if running.process is not None:
                running.process.end_group()

    def _start(self, running: _Running) -> None:
        spec = running.spec
        running.started = time.monotonic()
        running.process = GuardedProcess(
            spec.argv, env=spec.env, cwd=self._cwd, output=subprocess.PIPE, grace=spec.grace
        )
        running.process.start()
        running.reader = threading.Thread(
            target=self._show, args=(running, running.process.stdout), daemon=True
        )
        running.reader.start()

    def _show(self, running: _Running, output: IO[bytes]) -> None:
        for line in output:
            text = line.decode("utf-8", "replace").rstrip()
            running.last_lines.append(text)
            self._console.write(running.spec.name, text, running.colour)

    def _bury(self, running: _Running, code: int) -> None:
        running.process = None
        quick = time.monotonic() - running.started < QUICK_DEATH_SECONDS
        running.quick_deaths = running.quick_deaths + 1 if quick else 1
        name = running.spec.name
        if running.quick_deaths >= MOST_QUICK_DEATHS:
            said = "\n".join(f"  {line}" for line in running.last_lines)
            raise StackError(
                f"{name} died {running.quick_deaths} times in a row (exit code {code}). "
                f"Its last lines:\n{said}"
            )
        pause = self._pauses[min(running.quick_deaths, len(self._pauses)) - 1]
        running.start_at = time.monotonic() + pause
        self._console.write(SYSTEM, f"{name} ended (exit code {code}); again in {pause} s")

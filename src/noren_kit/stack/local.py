"""The whole stack on one machine, from nothing to ready, and in order back to nothing."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from noren_kit.stack.environment import application_keys, running_stack_lock
from noren_kit.stack.errors import StackError
from noren_kit.stack.ports import LOOPBACK, is_free, next_free
from noren_kit.stack.private import read_json, write_json
from noren_kit.stack.probing import probe
from noren_kit.stack.process import GuardedProcess
from noren_kit.stack.progress import step
from noren_kit.stack.servers import Servers
from noren_kit.stack.supervisor import Console, ProcessSpec, Supervisor

TICK_SECONDS = 0.2
READY_SECONDS = 90.0
ORPHANS_SECONDS = 8.0
PREPARE_SECONDS = 900.0


class StopRequested(BaseException):
    """Ctrl-C, or a signal that asks for the same."""


@dataclass(frozen=True)
class LocalStack:
    """What a project runs locally.

    `home` holds the data, `cwd` is where the processes work, `prepare` is the command that makes
    the database ready. `processes` gets the web port and the environment. `ready_path` answers
    200 once requests can be served; `ready` is then called with what run.json says.
    """

    home: Path
    cwd: Path
    settings_module: str
    prepare: Sequence[str]
    processes: Callable[[int, Mapping[str, str]], Sequence[ProcessSpec]]
    ready_path: str
    ready: Callable[[dict[str, Any]], None]

    def run(self, port: int) -> None:
        """Run until Ctrl-C, SIGTERM or SIGHUP, then stop everything and return.

        `port` is taken if it is free, else the next one. Raises AlreadyRunningError for a second
        stack in `home`, StackError for whatever keeps the stack from running.
        """
        with stop_signals() as impatience, ExitStack() as cleanup:
            try:
                self._run(port, cleanup, impatience)
            except StopRequested:
                print("stack: stopping", file=sys.stderr, flush=True)
                cleanup.close()

    def _run(self, port: int, cleanup: ExitStack, impatience: "Impatience") -> None:
        started = time.monotonic()
        lock = running_stack_lock(self.home)
        lock.acquire()
        cleanup.callback(lock.release)
        crashed = self._file("stack").exists()
        self._forget()
        servers = cleanup.enter_context(Servers(self.home, os.environ))
        environment = self._environment(servers)
        self._prepare(environment)
        port = self._web_port(port, crashed)
        write_json(self._file("stack"), {"pid": os.getpid(), "environment": environment})
        cleanup.callback(self._forget)
        console = Console()
        supervisor = Supervisor(
            self.processes(port, dict(os.environ) | environment), cwd=self.cwd, console=console
        )
        cleanup.callback(supervisor.stop)
        impatience.action = supervisor.kill
        with step("Processes") as report:
            supervisor.start()
            self._wait_until_ready(port, supervisor)
            report.detail = f"ready {time.monotonic() - started:.1f} s after the start"
        facts = {"base_url": f"http://{LOOPBACK}:{port}"} | read_json(self.home / "demo.json")
        write_json(self._file("run"), facts)
        self.ready(facts)
        while True:
            supervisor.tick()
            for name in servers.ensure_running():
                console.write("stack", f"{name} had ended; it runs again")
            time.sleep(TICK_SECONDS)

    def _file(self, name: str) -> Path:
        return self.home / f"{name}.json"

    def _forget(self) -> None:
        for name in ("run", "stack"):
            self._file(name).unlink(missing_ok=True)

    def _environment(self, servers: Servers) -> dict[str, str]:
        chosen = servers.environment | application_keys(self.home, os.environ)
        settings = os.environ.get("DJANGO_SETTINGS_MODULE") or self.settings_module
        return chosen | {"DJANGO_SETTINGS_MODULE": settings, "PYTHONUNBUFFERED": "1"}

    def _prepare(self, environment: Mapping[str, str]) -> None:
        process = GuardedProcess(
            self.prepare, env=dict(os.environ) | dict(environment), cwd=self.cwd, orphan_grace=1.0
        )
        process.start()
        try:
            code = process.wait(PREPARE_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise StackError(f"Preparing the database took over {PREPARE_SECONDS} s.") from error
        finally:
            process.stop()
        if code:
            raise StackError(f"The database could not be prepared (exit code {code}), see above.")

    def _web_port(self, port: int, crashed: bool) -> int:
        deadline = time.monotonic() + (ORPHANS_SECONDS if crashed else 0)
        while not is_free(port) and time.monotonic() < deadline:
            # The processes of a stack that was killed are just ending by themselves.
            time.sleep(TICK_SECONDS)
        chosen = next_free(port)
        if chosen != port:
            print(f"stack: port {port} is in use; taking {chosen}", file=sys.stderr, flush=True)
        return chosen

    def _wait_until_ready(self, port: int, supervisor: Supervisor) -> None:
        deadline = time.monotonic() + READY_SECONDS
        answer = "no answer"
        while time.monotonic() < deadline:
            supervisor.tick()
            try:
                answer = probe(port, self.ready_path)
            except (OSError, http.client.HTTPException) as error:
                answer = str(error)
            if answer.startswith("200 "):
                return
            time.sleep(TICK_SECONDS)
        raise StackError(f"{self.ready_path} did not become ready in time: {answer}")


@dataclass
class Impatience:
    """What a second Ctrl-C does while the first one is being obeyed."""

    action: Callable[[], None] | None = None


@contextmanager
def stop_signals() -> Iterator[Impatience]:
    """Turn the first signal to stop into StopRequested, and each further one into its action."""
    impatience = Impatience()
    asked = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if not asked:
            asked = True
            raise StopRequested
        if impatience.action is not None:
            impatience.action()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield impatience
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

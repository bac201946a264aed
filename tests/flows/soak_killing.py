"""Whatever can die dies now and then: web, worker and relay, and back ends of the database."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from soak_stack import Stack

from noren_kit.testing.processes import children_of

# What died young five times in a row is given up by the supervisor, and by granian sooner.
LEAST_LIFE_SECONDS = 11.0
_VICTIM = """
SELECT pid FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND usename LIKE 'noren\\_%%' AND usename <> 'noren_admin'
   AND (xact_start IS NOT NULL OR NOT %(at_work)s) AND application_name = 'noren'
 ORDER BY random() LIMIT 1
"""


class Killer(threading.Thread):
    """Kills something of the stack after each pause, until it is stopped.

    Each way once first, then by the weights.
    """

    def __init__(self, stack: Stack, pauses: tuple[float, float]) -> None:
        super().__init__(daemon=True)
        self.kills: Counter[str] = Counter()
        self.error: BaseException | None = None
        self.stopped = threading.Event()
        self._stack, self._pauses = stack, pauses
        self._last: dict[str, float] = {}
        self.ways: dict[str, tuple[int, Callable[[], bool]]] = {
            "back end terminated": (40, self._terminate),
            "web process": (25, self._web_process),
            "worker": (14, lambda: self._main_of("worker")),
            "relay": (14, lambda: self._main_of("relay")),
            "web server": (4, self._web_server),
            "back end killed": (3, self._crash),
        }

    def run(self) -> None:
        names = list(self.ways)
        weights = [weight for weight, _way in self.ways.values()]
        due = random.sample(names, len(names))
        try:
            while not self.stopped.wait(random.uniform(*self._pauses)):
                name = due[-1] if due else random.choices(names, weights)[0]
                if self.ways[name][1]():
                    self.kills[name] += 1
                    due = due[:-1]
        except BaseException as error:
            self.error = error
            raise

    def _kill(self, name: str, pid: int | None) -> bool:
        """Kill this process, unless there is none, or what has that name died a moment ago."""
        now = time.monotonic()
        if pid is None or now - self._last.get(name, 0.0) < LEAST_LIFE_SECONDS:
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self._last[name] = now
        return True

    def _main_of(self, name: str) -> bool:
        return self._kill(name, self._stack.pid_of(name))

    def _web_server(self) -> bool:
        """Not before it is back: on a busy machine nobody would be served at all."""
        return self._stack.answers() and self._main_of("web")

    def _web_process(self) -> bool:
        server = self._stack.pid_of("web")
        processes = children_of(server) if server else []
        return self._kill("web process", random.choice(processes) if processes else None)

    def _terminate(self) -> bool:
        """One that is in a transaction, if there is any within a moment."""
        try:
            with self._stack.connect() as database:
                for _attempt in range(50):
                    row = database.execute(_VICTIM, {"at_work": True}).fetchone()
                    if row is not None:
                        database.execute("SELECT pg_terminate_backend(%(pid)s)", row)
                        return True
                    time.sleep(0.01)
        except psycopg.OperationalError:
            return False  # It is recovering from a crash: nobody was killed.
        return False

    def _crash(self) -> bool:
        """PostgreSQL then ends all the others too, and recovers from its log."""
        try:
            with self._stack.connect() as database:
                row = database.execute(_VICTIM, {"at_work": False}).fetchone()
        except psycopg.OperationalError:
            return False  # It is recovering from the last one.
        return row is not None and self._kill("PostgreSQL", row["pid"])


@contextmanager
def killing(stack: Stack, pauses: tuple[float, float]) -> Iterator[Killer]:
    """A killer at work for as long as the block runs; raises what made it give up."""
    killer = Killer(stack, pauses)
    killer.start()
    try:
        yield killer
    finally:
        killer.stopped.set()
        killer.join()
    if killer.error is not None:
        raise killer.error

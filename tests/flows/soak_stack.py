"""The stack of `noren run` with its parts within reach: servers that keep what they wrote, and
web, worker, beat and relay under the real supervisor."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import soak_world
from psycopg.rows import dict_row

from noren.cli import stack_processes
from noren_kit.core.keys import new_private_key
from noren_kit.db.roles import URL_VARIABLES, bootstrap, new_passwords, role_urls
from noren_kit.stack.errors import StackError
from noren_kit.stack.ports import LOOPBACK, any_free
from noren_kit.stack.postgres import EmbeddedPostgres
from noren_kit.stack.redis import EmbeddedRedis
from noren_kit.stack.supervisor import Console, Supervisor

DATABASE, WEB_PROCESSES = "noren", 3
LEASE_SECONDS = 5
READY_SECONDS, DRAIN_SECONDS = 180.0, 240.0
SUBJECTS = ("stock", "totals", "numbers", "isolation")
MOST_LOG = 4_000
_RUNNING_OUT = """
SELECT FROM inventory_stockhold
 WHERE expires_at > now() AND expires_at < now() + interval '1 hour' LIMIT 1
"""
_UNDONE = """
SELECT (SELECT count(*) FROM outbox_delivery WHERE handled_at IS NULL) AS deliveries,
       (SELECT count(*) FROM inventory_stockhold WHERE expires_at <= now()) AS expired,
       (SELECT count(*) FROM pg_stat_activity
         WHERE usename = 'noren_app' AND xact_start IS NOT NULL) AS running
"""


class Stack:
    """Servers and processes of their own; whatever dies is started again until the end."""

    def __init__(self, home: Path) -> None:
        self.home, self.mails = home, home / "mails"
        self.log = io.StringIO()
        self.base_url = ""
        # Not the tests' servers: these write as in production, and die without harming others.
        self.postgres = EmbeddedPostgres(
            home / "postgres", fast_unsafe=True, log_file=home / "postgres.log"
        )
        self.redis = EmbeddedRedis(home / "redis")
        self.environment: dict[str, str] = {}
        self.error: StackError | None = None
        self._ending, self._supervising = threading.Event(), threading.Lock()
        self._keeper = threading.Thread(target=self._keep)
        self._cleanup = ExitStack()

    def __enter__(self) -> Stack:
        with ExitStack() as cleanup:
            cleanup.callback(self.postgres.remove)
            cleanup.enter_context(self.redis)
            self._prepare()
            port = any_free()
            self.base_url = f"http://{LOOPBACK}:{port}"
            processes = stack_processes(port, WEB_PROCESSES, self.environment)
            self.supervisor = Supervisor(processes, cwd=self.home, console=Console(self.log))
            cleanup.callback(self.supervisor.stop)
            self.supervisor.start()
            cleanup.callback(self._end_keeping)
            self._keeper.start()
            self.wait_until_ready()
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._cleanup.close()

    def _prepare(self) -> None:
        self.postgres.start()
        passwords = new_passwords()
        bootstrap(self.postgres.admin_url, DATABASE, passwords)
        outside = {name: value for name, value in os.environ.items() if name not in URL_VARIABLES}
        self.environment = {
            **outside,
            **role_urls(self.postgres.admin_url, DATABASE, passwords),
            "REDIS_URL": self.redis.url,
            "NOREN_HOME": str(self.home),
            "SECRET_KEY": "only-for-a-soak-" + "x" * 40,
            "JWT_PRIVATE_KEY": new_private_key(),
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": str(self.mails),
            "OUTBOX_LEASE_SECONDS": str(LEASE_SECONDS),
        }
        migrate = ("django", "migrate", "--database", "owner", "--verbosity", "0")
        self.command(*migrate).check_returncode()
        self.postgres.stop()
        self.postgres.fast_unsafe = False
        self.postgres.start()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a module in the stack's environment."""
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    def make_shops(self, clients: int) -> list[dict[str, Any]]:
        """See `soak_world`."""
        made = subprocess.run(
            [sys.executable, soak_world.__file__, str(clients)],
            env=self.environment,
            stdout=subprocess.PIPE,
            check=True,
        )
        shops: list[dict[str, Any]] = json.loads(made.stdout)
        return shops

    def connect(self) -> psycopg.Connection[dict[str, Any]]:
        """A superuser inside the database, which sees the rows of all."""
        return psycopg.connect(
            self.postgres.admin_url, dbname=DATABASE, autocommit=True, row_factory=dict_row
        )

    def _keep(self) -> None:
        while not self._ending.wait(0.1):
            try:
                with self._supervising:
                    self.supervisor.tick()
                self.postgres.ensure_running()
            except StackError as error:
                self.error = error
                return

    def pid_of(self, name: str) -> int | None:
        """Process id of "web", "worker", "beat" or "relay"; None while it does not run."""
        with self._supervising:
            return self.supervisor.pids().get(name)

    def _end_keeping(self) -> None:
        self._ending.set()
        self._keeper.join()

    def wait_until_ready(self) -> None:
        """Until it answers. Raises StackError if something keeps dying, or the time is over."""
        deadline = time.monotonic() + READY_SECONDS
        while not self.answers():
            if self.error is not None:
                raise self.error
            if time.monotonic() > deadline:
                raise StackError(f"The web process is silent: {self.tail()}")
            time.sleep(0.1)

    def answers(self) -> bool:
        """Whether it can be used at this moment."""
        try:
            url = f"{self.base_url}/health/ready/"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def settle(self) -> None:
        """Until what was begun has ended: transactions, events, what has run out.

        Raises StackError if the time is over.
        """
        self.wait_until_ready()
        with self.connect() as database:
            while database.execute(_RUNNING_OUT).fetchone() is not None:
                time.sleep(0.5)
        sweep = ("-A", "noren.config.celery", "call", "inventory.release_expired_holds")
        self.command("celery", *sweep).check_returncode()
        deadline = time.monotonic() + DRAIN_SECONDS
        with self.connect() as database:
            while left := self._left(database):
                if self.error is not None or time.monotonic() > deadline:
                    raise StackError(f"Still to do: {left}; {self.tail()}") from self.error
                time.sleep(0.3)

    def _left(self, database: psycopg.Connection[dict[str, Any]]) -> dict[str, int]:
        [row] = database.execute(_UNDONE).fetchall()
        return {name: many for name, many in row.items() if many}

    def verify(self) -> dict[str, str]:
        """What `noren verify` finds wrong, by subject; all of them exit with 0 where nothing is."""
        found = {}
        for subject in SUBJECTS:
            done = self.command("noren.cli", "verify", subject)
            if done.returncode:
                found[subject] = (done.stdout + done.stderr)[-MOST_LOG:]
        return found

    def deadlocks(self) -> int:
        """How many PostgreSQL has written of to its log."""
        return self.postgres.log_file.read_text(errors="replace").count("deadlock detected")

    def tail(self) -> str:
        return self.log.getvalue()[-MOST_LOG:]

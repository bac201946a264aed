"""Django's `migrate`, which waits for no lock for long, and tells what is risky about its plan.

A statement that waits for a lock makes everybody else wait behind it (PostgreSQL documentation,
"Explicit Locking"). So each waits a few seconds at most; then its migration is rolled back, the
others go on, and it is tried again.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.migrations.executor import MigrationExecutor

from noren_kit.db.migration_risks import Risk, risks_of

_LONGEST_PAUSE = 15.0
_SIZE = """
SELECT pg_size_pretty(pg_total_relation_size(c.oid)) || ', '
       || greatest(c.reltuples, 0)::bigint || ' rows or so'
  FROM pg_class c WHERE c.oid = to_regclass(%s)
"""


class Command(migrate.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--lock-seconds", type=float, default=3.0, help="Wait for a lock no longer; 3."
        )
        parser.add_argument(
            "--attempts", type=int, default=10, help="Tries before it is given up; 10."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["plan"]:
            super().handle(*args, **options)
            self._tell_risks(options["database"])
            return
        for attempt in range(1, options["attempts"] + 1):
            connection = connections[options["database"]]
            with connection.cursor() as cursor:
                milliseconds = int(options["lock_seconds"] * 1000)
                cursor.execute(
                    "SELECT set_config('lock_timeout', %s, false)", [f"{milliseconds}ms"]
                )
            try:
                super().handle(*args, **options)
                return
            except OperationalError as error:
                if not _waited(error):
                    raise
                reason = str(error).strip().splitlines()[0]
            connection.close()
            if attempt < options["attempts"]:
                self.stderr.write(f"Others go first ({reason}). Trying again, {attempt}.")
                time.sleep(min(_LONGEST_PAUSE, 0.5 * 2**attempt))
        raise CommandError(
            f"Given up after {options['attempts']} tries: {reason}. What was applied stays; nothing"
            " is half applied. Find who holds the lock in pg_stat_activity."
        )

    def _tell_risks(self, alias: str) -> None:
        connection = connections[alias]
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        for migration, _backwards in plan:
            for risk in risks_of(migration):
                size = _size(connection, migration.app_label, risk)
                self.stdout.write(
                    self.style.WARNING(
                        f"  RISK {migration.app_label}.{migration.name}: {risk}{size}"
                    )
                )


def _size(connection: Any, app: str, risk: Risk) -> str:
    if not risk.model:
        return ""
    with connection.cursor() as cursor:
        cursor.execute(_SIZE, [f"{app}_{risk.model}"])
        row = cursor.fetchone()
    return f" ({row[0]})" if row and row[0] else ""


def _waited(error: OperationalError) -> bool:
    waits = psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected
    return isinstance(error.__cause__, waits)

"""The kit's pytest plugin: `-p noren_kit.testing.plugin`.

Tests run as `noren_app` on a real PostgreSQL, and nothing wraps them in a transaction: each
request commits as it would in production. After a test the owner empties what it filled.
The ini option `django_settings` names the settings module.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.pq import TransactionStatus

from noren_kit.core.ids import uuid7_text
from noren_kit.testing.budgets import OPTION
from noren_kit.testing.servers import ADMIN, clone_database, start_servers

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

KEPT_TABLES = ("django_migrations",)
FEW_BYTES = 2_000_000
# Its modules hold asserts that should explain themselves.
pytest.register_assert_rewrite("noren_kit.testing.contract", "noren_kit.testing.answers")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("django_settings", "The settings module of the tests.")
    parser.addoption(
        OPTION, action="store_true", help="Write the counted statements to their file (without -n)."
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before any conftest is imported: servers, this worker's database, Django."""
    os.environ["DJANGO_SETTINGS_MODULE"] = early_config.getini("django_settings")
    _share_paths([str(path) for path in early_config.getini("pythonpath")])
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        start_servers()
    distributing = getattr(early_config.known_args_namespace, "numprocesses", None)
    if worker is not None or not distributing:
        clone_database(worker or "main")
    import django
    from django.test.utils import setup_test_environment

    django.setup()
    setup_test_environment(debug=False)


def _share_paths(paths: list[str]) -> None:
    """The ini option `pythonpath`, for us before pytest sees to it, and for what we start."""
    for path in reversed(paths):
        if path not in sys.path:
            sys.path.insert(0, path)
    kept = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([*paths, *filter(None, kept)]))


class OwnerConnection:
    """The owner's way into the test database, for what the application may not do."""

    def __init__(self) -> None:
        self.connection = psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True)
        tables = self.connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace AND relname <> ALL(%s)",
            [list(KEPT_TABLES)],
        )
        self.tables = [name for (name,) in tables]

        self.admin = self._superuser()
        # One message for all of them: a tenth of the time of one each.
        deletions = [sql.SQL("DELETE FROM {}").format(sql.Identifier(each)) for each in self.tables]
        self._deletions = sql.SQL("; ").join(
            [sql.SQL("SET LOCAL session_replication_role = replica"), *deletions]
        )

    @staticmethod
    def _superuser() -> psycopg.Connection[Any] | None:
        """The administrator inside this database, where that is a superuser."""
        database = urlsplit(os.environ["DATABASE_OWNER_URL"]).path.removeprefix("/")
        admin = psycopg.connect(os.environ[ADMIN], dbname=database, autocommit=True)
        if admin.execute("SELECT rolsuper FROM pg_roles WHERE rolname = user").fetchone() == (
            True,
        ):
            return admin
        admin.close()
        return None

    def empty(self) -> None:
        """Empty every table.

        Row by row where rows are few, past foreign keys and policies: a tenth of what TRUNCATE
        costs, and that after each test.
        """
        if self.admin is None or self._size() > FEW_BYTES:
            names = sql.SQL(", ").join(map(sql.Identifier, self.tables))
            self.connection.execute(sql.SQL("TRUNCATE {}").format(names))
            return
        with self.admin.transaction():
            self.admin.execute(self._deletions)

    def _size(self) -> int:
        row = self.connection.execute(
            "SELECT sum(pg_relation_size(name::regclass)) FROM unnest(%s::text[]) AS name",
            [self.tables],
        ).fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        for connection in filter(None, (self.connection, self.admin)):
            connection.close()


@pytest.fixture(scope="session")
def owner() -> Iterator[OwnerConnection]:
    connection = OwnerConnection()
    yield connection
    connection.close()


def _renew(connection: BaseDatabaseWrapper) -> None:
    """Give a connection the state of a new one, or close it where it is not at rest.

    PostgreSQL's DISCARD ALL undoes settings, locks, plans and temporary tables: a test can't
    tell the connection from a new one, which costs many times as much.
    """
    raw = connection.connection
    if raw is None:
        return
    at_rest = raw.info.transaction_status == TransactionStatus.IDLE
    if not at_rest or connection.in_atomic_block or not connection.get_autocommit():
        connection.close()
        return
    try:
        # The driver forgets the statements that are gone only by a text that is new to it.
        raw.execute(f"DISCARD ALL -- {uuid7_text()}")
        connection.ensure_timezone()
    except psycopg.OperationalError:  # Ended by a test.
        connection.close()


@pytest.fixture(autouse=True)
def clean_state(owner: OwnerConnection) -> Iterator[None]:
    """Leaves no rows to the next test.

    A module whose tests change no row overrides it with one of its own scope, and may then share
    what it reads.
    """
    yield
    owner.empty()


@pytest.fixture(autouse=True)
def fresh_connections(clean_state: None) -> Iterator[None]:
    """Leaves no open transaction, no entered tenant and no mail to the next test."""
    yield
    from django.core import mail
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        _renew(connection)
    if hasattr(mail, "outbox"):
        mail.outbox.clear()

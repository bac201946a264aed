"""The kit's pytest plugin: `-p noren_kit.testing.plugin`.

Tests run as `noren_app` on a real PostgreSQL, and nothing wraps them in a transaction: each
request commits as it would in production. After a test the owner empties what it filled.
The ini option `django_settings` names the settings module.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from noren_kit.testing.budgets import OPTION
from noren_kit.testing.servers import clone_database, start_servers

KEPT_TABLES = ("django_migrations",)
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

    def empty(self) -> None:
        """Empty every table; roles without TRUNCATE could not."""
        names = sql.SQL(", ").join(map(sql.Identifier, self.tables))
        self.connection.execute(sql.SQL("TRUNCATE {}").format(names))


@pytest.fixture(scope="session")
def owner() -> Iterator[OwnerConnection]:
    connection = OwnerConnection()
    yield connection
    connection.connection.close()


@pytest.fixture(autouse=True)
def clean_state(owner: OwnerConnection) -> Iterator[None]:
    """Leaves no rows, no open transaction and no entered tenant to the next test."""
    yield
    from django.core import mail
    from django.db import connections

    connections.close_all()
    if hasattr(mail, "outbox"):
        mail.outbox.clear()
    owner.empty()

"""Connections of a backup: one moment of all rows, and answers of one value."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from noren_kit.backup.folders import BackupError, new_folder
from noren_kit.db.role_names import BACKUP


@contextmanager
def one_moment(url: str, folder: Path) -> Iterator[tuple[psycopg.Connection[Any], Path]]:
    """A read-only transaction that sees all rows as of one moment, and where to write them.

    What is written becomes `folder` at the end (`new_folder`). Raises `BackupError` for a role
    that row-level security binds.
    """
    with new_folder(folder) as partial, connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        query = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        if not one(connection, query):
            raise BackupError(f"This role does not see all rows. Back up as {BACKUP}.")
        yield connection, partial


def connect(url: str, database: str = "") -> psycopg.Connection[Any]:
    """Connect, to another database than the address names if need be; raises `BackupError`."""
    try:
        return psycopg.connect(make_conninfo(url, **({"dbname": database} if database else {})))
    except psycopg.ProgrammingError:
        # libpq would quote the address, and the password in it.
        raise BackupError("The database can't be reached: its address is malformed.") from None
    except psycopg.OperationalError as error:
        raise BackupError(f"The database can't be reached: {error}") from error


def one(connection: psycopg.Connection[Any], query: Any) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def major_version(connection: psycopg.Connection[Any]) -> int:
    return connection.info.server_version // 10_000

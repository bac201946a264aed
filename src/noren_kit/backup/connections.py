"""Connections of a backup: who sees all rows, and answers of one value."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from noren_kit.backup.folders import BackupError
from noren_kit.db.role_names import BACKUP


def require_all_is_seen(connection: psycopg.Connection[Any]) -> None:
    query = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    if not one(connection, query):
        raise BackupError(f"This role does not see all rows. Back up as {BACKUP}.")


def connect(url: str, database: str = "") -> psycopg.Connection[Any]:
    try:
        return psycopg.connect(make_conninfo(url, **({"dbname": database} if database else {})))
    except psycopg.OperationalError as error:
        raise BackupError(f"The database can't be reached: {error}") from error


def one(connection: psycopg.Connection[Any], query: Any) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def major_version(connection: psycopg.Connection[Any]) -> int:
    return connection.info.server_version // 10_000

"""A whole database: copied as of one moment by pg_dump, and given back as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from noren_kit.backup import programs
from noren_kit.backup.checksums import differences, sums_of, tables_of
from noren_kit.backup.connections import connect, major_version, one, one_moment
from noren_kit.backup.folders import (
    BackupError,
    Manifest,
    applied_migrations,
    read_manifest,
    tenants_of,
    write_manifest,
)
from noren_kit.backup.releases import migrations_of_release, require_same_migrations
from noren_kit.db.roles import LOGIN_ROLES

REVISIONS = ("tenancy_revision", "tenancy_globalrevision")
DUMP = "database.dump"
# Past every number that a cache can have seen since the backup was made.
REVISIONS_AHEAD = 1_000_000_000


def back_up(url: str, folder: Path) -> Manifest:
    """Copy the database at `url`, read as `noren_backup`, into a new folder.

    Copy and checksums are of one moment; others read and write on. Raises `BackupError`, and
    then leaves nothing behind.
    """
    with one_moment(url, folder) as (connection, partial):
        snapshot = one(connection, "SELECT pg_export_snapshot()")
        arguments = ["--format=custom", f"--snapshot={snapshot}", f"--file={partial / DUMP}"]
        programs.run("pg_dump", arguments, url=url, server=major_version(connection))
        manifest = Manifest(
            server=one(connection, "SELECT version()"),
            migrations=applied_migrations(connection),
            tenants=tenants_of(connection),
            sums=sums_of(connection, tables_of(connection)),
        )
        write_manifest(partial, manifest)
    return manifest


def restore(admin_url: str, database: str, folder: Path) -> Manifest:
    """Give the empty `database` what the backup holds, in one transaction, and compare it.

    As a superuser. The database and its roles are there (`noren db bootstrap`). Raises
    `BackupError` where they are not, where the database holds tables, where the backup is of
    another schema than this release's, where a file is damaged, or where a tenant's rows differ
    from those that were there; these stay, to be looked at.
    """
    manifest = read_manifest(folder)
    if manifest.tenant is not None:
        raise BackupError("This is the backup of one tenant, not of a database.")
    require_same_migrations(manifest.migrations, migrations_of_release(), "this release")
    with connect(admin_url, database) as connection:
        if not one(connection, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
            raise BackupError("Restoring takes a superuser: functions have owners of their own.")
        missing = {*LOGIN_ROLES} - {
            name for (name,) in connection.execute("SELECT rolname FROM pg_roles")
        }
        if missing:
            raise BackupError(f"{', '.join(sorted(missing))}: no such role. noren db bootstrap.")
        if tables_of(connection):
            raise BackupError(f"Database {database} holds tables. Restore into an empty one.")
        server = major_version(connection)
    arguments = ["--exit-on-error", "--single-transaction", f"--dbname={database}"]
    programs.run(
        "pg_restore",
        [*arguments, str(folder / DUMP)],
        url=admin_url,
        server=server,
        database=database,
    )
    with connect(admin_url, database) as connection:
        faults = differences(manifest.sums, sums_of(connection, tables_of(connection)))
        if faults:
            raise BackupError("Not what was backed up: " + "; ".join(faults[:20]))
        for table in REVISIONS:
            raise_revisions(connection, table)
    with connect(admin_url, database) as connection:
        connection.commit()
        connection.autocommit = True
        connection.execute("ANALYZE")
    return manifest


def take_over(admin_url: str, database: str) -> None:
    """After a standby has become the primary: have no answer found that the old one had kept.

    What was not replayed is lost, and its revisions would be given to other writes.
    """
    with connect(admin_url, database) as connection:
        for table in REVISIONS:
            raise_revisions(connection, table)


def raise_revisions(
    connection: psycopg.Connection[Any], table: str, tenant: str | None = None
) -> None:
    """Have no answer found that was kept since the backup was made."""
    condition = sql.SQL("true" if tenant is None else "tenant_id = {}").format(sql.Literal(tenant))
    connection.execute(
        sql.SQL("UPDATE {} SET number = number + {} WHERE {}").format(
            sql.Identifier(table), sql.Literal(REVISIONS_AHEAD), condition
        )
    )

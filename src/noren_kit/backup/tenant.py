"""One tenant out of a database, and back into it or another of the same schema.

Rows are copied as they are: what triggers would write of them (history, revisions, search terms)
is among them, so none runs when they come back, and no event is published a second time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import zstandard
from psycopg import sql

from noren_kit.backup.checksums import Table, differences, sums_of, tables_of
from noren_kit.backup.connections import connect, one, one_moment
from noren_kit.backup.folders import (
    BackupError,
    Manifest,
    applied_migrations,
    read_manifest,
    tenants_of,
    write_manifest,
)
from noren_kit.backup.releases import require_same_migrations
from noren_kit.backup.whole import raise_revisions

TENANTS, PEOPLE = "tenancy_tenant", "accounts_user"

_EMPTY_COPY = "CREATE TEMPORARY TABLE restored_people ON COMMIT DROP AS SELECT {} FROM {} LIMIT 0"
# The foreign keys of a table, as pairs of columns.
_KEYS = """
SELECT k.conname, k.confrelid::regclass::text,
       array_agg(c.attname::text ORDER BY p.at), array_agg(f.attname::text ORDER BY p.at)
  FROM pg_constraint k
 CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS p(here, there, at)
  JOIN pg_attribute c ON c.attrelid = k.conrelid AND c.attnum = p.here
  JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = p.there
 WHERE k.contype = 'f' AND k.conrelid = %s::regclass
 GROUP BY k.oid, k.conname, k.confrelid
"""


def back_up_tenant(url: str, slug: str, folder: Path) -> Manifest:
    """Copy one tenant's rows, and the people that they name, into a new folder.

    As `back_up`, and raises `BackupError` for an unknown tenant too.
    """
    with one_moment(url, folder) as (connection, partial):
        tenant = _by_slug(connection).get(slug)
        if tenant is None:
            raise BackupError(f"There is no tenant {slug}.")
        tables = [each for each in tables_of(connection) if each.has_tenants]
        for table in tables:
            _copy_out(connection, table, _of_tenant(table, tenant), partial)
        by_name = {each.name: each for each in tables_of(connection)}
        owner = sql.SQL("id = {}").format(sql.Literal(tenant))
        _copy_out(connection, by_name[TENANTS], owner, partial)
        people = sql.SQL("id IN ({})").format(_people(connection, tables, tenant))
        _copy_out(connection, by_name[PEOPLE], people, partial)
        manifest = Manifest(
            server=one(connection, "SELECT version()"),
            migrations=applied_migrations(connection),
            tenants={tenant: slug},
            sums=sums_of(connection, tables, tenant=tenant),
            tenant=tenant,
        )
        write_manifest(partial, manifest)
    return manifest


def restore_tenant(
    admin_url: str, database: str, folder: Path, *, replace: bool = False
) -> Manifest:
    """Give `database` the tenant back, all of it or nothing, and compare.

    As a superuser, in one transaction that others do not wait for. People who are there are left
    as they are. Raises `BackupError` where the tenant, or rows of it, are there and not to be
    replaced, where another has its slug, where the schema is another, where a file is damaged, or
    where anything differs.
    """
    manifest = read_manifest(folder)
    tenant = manifest.tenant
    if tenant is None:
        raise BackupError("This is the backup of a whole database: restore it without --tenant.")
    with connect(admin_url, database) as connection:
        require_same_migrations(manifest.migrations, applied_migrations(connection), "the database")
        tables = {each.name: each for each in tables_of(connection)}
        owned = [each for each in tables.values() if each.has_tenants]
        try:
            # Neither triggers nor foreign keys: what they would write and refuse is in the rows.
            connection.execute("SET LOCAL session_replication_role = replica")
        except psycopg.errors.InsufficientPrivilege as error:
            raise BackupError("Restoring a tenant takes a superuser.") from error
        _refuse_taken_slug(connection, tenant, manifest.tenants[tenant])
        _make_room(connection, owned, tenant, replace=replace)
        _copy_people(connection, tables[PEOPLE], folder)
        for table in [tables[TENANTS], *owned]:
            _copy_in(connection, table, folder)
        faults = differences(manifest.sums, sums_of(connection, owned, tenant=tenant))
        faults += _dangling(connection, owned, tenant)
        if faults:
            raise BackupError("Not what was backed up: " + "; ".join(faults[:20]))
        raise_revisions(connection, "tenancy_revision", tenant)
    return manifest


def _by_slug(connection: psycopg.Connection[Any]) -> dict[str, str]:
    return {slug: tenant for tenant, slug in tenants_of(connection).items()}


def _of_tenant(table: Table, tenant: str) -> sql.Composable:
    return sql.SQL("tenant_id = {}").format(sql.Literal(tenant))


def _refuse_taken_slug(connection: psycopg.Connection[Any], tenant: str, slug: str) -> None:
    holder = _by_slug(connection).get(slug, tenant)
    if holder != tenant:
        raise BackupError(
            f"Tenant {holder} has the slug {slug} here. Give it another one, then restore."
        )


def _make_room(
    connection: psycopg.Connection[Any], owned: Sequence[Table], tenant: str, *, replace: bool
) -> None:
    held = [(each, _of_tenant(each, tenant)) for each in owned]
    held.append((Table(TENANTS, ("id",)), sql.SQL("id = {}").format(sql.Literal(tenant))))
    for table, condition in held:
        name = sql.Identifier(table.name)
        if replace:
            connection.execute(sql.SQL("DELETE FROM {} WHERE {}").format(name, condition))
            continue
        there = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE {})").format(name, condition)
        if one(connection, there):
            raise BackupError(f"{table.name} holds rows of this tenant. --replace removes them.")


def _people(
    connection: psycopg.Connection[Any], tables: Sequence[Table], tenant: str
) -> sql.Composable:
    """A query for the ids of all people whom the tenant's rows name by a foreign key."""
    parts: list[sql.Composable] = [sql.SQL("SELECT NULL::uuid")]
    for table in tables:
        for _name, target, here, _there in connection.execute(_KEYS, [table.name]):
            if target == PEOPLE:
                parts.append(
                    sql.SQL("SELECT {} FROM {} WHERE {}").format(
                        sql.Identifier(here[0]),
                        sql.Identifier(table.name),
                        _of_tenant(table, tenant),
                    )
                )
    return sql.SQL(" UNION ").join(parts)


def _dangling(
    connection: psycopg.Connection[Any], tables: Sequence[Table], tenant: str
) -> Iterator[str]:
    for table in tables:
        for name, target, here, there in connection.execute(_KEYS, [table.name]).fetchall():
            pairs = [
                sql.SQL("p.{} = c.{}").format(sql.Identifier(theirs), sql.Identifier(ours))
                for ours, theirs in zip(here, there, strict=True)
            ]
            filled = [sql.SQL("c.{} IS NOT NULL").format(sql.Identifier(each)) for each in here]
            query = sql.SQL(
                "SELECT count(*) FROM {} c WHERE c.tenant_id = {} AND {}"
                " AND NOT EXISTS (SELECT FROM {} p WHERE {})"
            ).format(
                sql.Identifier(table.name),
                sql.Literal(tenant),
                sql.SQL(" AND ").join(filled),
                sql.Identifier(target),
                sql.SQL(" AND ").join(pairs),
            )
            count = one(connection, query)
            if count:
                yield f"{table.name}: {count} rows refer to what is not in {target} ({name})"


def _copy_out(
    connection: psycopg.Connection[Any], table: Table, condition: sql.Composable, folder: Path
) -> None:
    query = sql.SQL("COPY (SELECT {} FROM {} WHERE {}) TO STDOUT (FORMAT binary)").format(
        table.listed, sql.Identifier(table.name), condition
    )
    with (
        (folder / f"{table.name}.zst").open("wb") as file,
        zstandard.ZstdCompressor().stream_writer(file) as packed,
        connection.cursor().copy(query) as copy,
    ):
        for block in copy:
            packed.write(block)


@contextmanager
def _blocks(folder: Path, table: str) -> Iterator[Iterator[bytes]]:
    file = folder / f"{table}.zst"
    if not file.exists():
        raise BackupError(f"{file} is missing: the backup knows no such table.")
    with file.open("rb") as opened:
        yield iter(zstandard.ZstdDecompressor().read_to_iter(opened))


def _copy_in(
    connection: psycopg.Connection[Any], table: Table, folder: Path, into: str = ""
) -> None:
    query = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(into or table.name), table.listed
    )
    try:
        with _blocks(folder, table.name) as blocks, connection.cursor().copy(query) as copy:
            for block in blocks:
                copy.write(block)
    except psycopg.errors.UniqueViolation as error:
        raise BackupError(
            f"Another row of {table.name} is in the way: {error.diag.message_detail}"
        ) from error


def _copy_people(connection: psycopg.Connection[Any], people: Table, folder: Path) -> None:
    """Those who are not there; raises `BackupError` where another has their name."""
    connection.execute(sql.SQL(_EMPTY_COPY).format(people.listed, sql.Identifier(people.name)))
    _copy_in(connection, people, folder, into="restored_people")
    try:
        connection.execute(
            sql.SQL(
                "INSERT INTO {table} ({columns}) SELECT {columns} FROM restored_people r"
                " WHERE NOT EXISTS (SELECT FROM {table} u WHERE u.id = r.id)"
            ).format(table=sql.Identifier(people.name), columns=people.listed)
        )
    except psycopg.errors.UniqueViolation as error:
        raise BackupError(
            f"Somebody else has a person's name: {error.diag.message_detail}"
        ) from error

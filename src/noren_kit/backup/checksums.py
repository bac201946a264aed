"""What a database holds, in few words: rows and a sum over them, by table and tenant.

The sums do not hang on the order of rows or columns, nor on the server's version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

# Rows of no tenant, and what counts on from where it was after a restore.
NOBODYS = ""
NOT_SUMMED = frozenset({"tenancy_revision", "tenancy_globalrevision"})

# A value's text must not hang on who asks.
_PLAINLY = (
    "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; SET LOCAL IntervalStyle = 'iso_8601';"
    " SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1"
)
_TABLES = """
SELECT c.relname, array_agg(a.attname::text ORDER BY a.attname)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
   AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
 GROUP BY c.relname ORDER BY c.relname
"""
_SUM = """
SELECT {tenant}, count(*), sum(('x' || left(md5(ROW({columns})::text), 16))::bit(64)::bigint)::text
  FROM {table} WHERE {condition} GROUP BY 1
"""

Sums = dict[str, dict[str, list[Any]]]
"""By table and tenant (or `NOBODYS`): the number of rows, and the sum."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the schema `public`, with the names of its columns."""

    name: str
    columns: tuple[str, ...]

    @property
    def has_tenants(self) -> bool:
        return "tenant_id" in self.columns

    @property
    def listed(self) -> sql.Composable:
        return sql.SQL(", ").join(map(sql.Identifier, self.columns))


def tables_of(connection: psycopg.Connection[Any]) -> list[Table]:
    """All tables, in the order of their names."""
    return [Table(name, tuple(columns)) for name, columns in connection.execute(_TABLES)]


def sums_of(
    connection: psycopg.Connection[Any], tables: Iterable[Table], *, tenant: str | None = None
) -> Sums:
    """The sums of these tables, or of one tenant's rows in them; within the caller's transaction.

    Each table is read once, as a whole where no tenant is named.
    """
    connection.execute(_PLAINLY)
    found: Sums = {}
    for table in tables:
        if table.name in NOT_SUMMED:
            continue
        query = sql.SQL(_SUM).format(
            tenant=sql.SQL("coalesce(tenant_id::text, '')" if table.has_tenants else "''"),
            columns=table.listed,
            table=sql.Identifier(table.name),
            condition=sql.SQL("true" if tenant is None else "tenant_id = {}").format(
                sql.Literal(tenant)
            ),
        )
        rows = connection.execute(query).fetchall()
        if rows:
            found[table.name] = {owner: [count, total] for owner, count, total in rows}
    return found


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """In words: each table and tenant whose rows are not those that are wanted."""
    faults = []
    for name in sorted({*wanted, *found}):
        ours, theirs = wanted.get(name, {}), found.get(name, {})
        for owner in sorted({*ours, *theirs}):
            if ours.get(owner) != theirs.get(owner):
                counts = [each.get(owner, [0])[0] for each in (ours, theirs)]
                whose = f"tenant {owner}" if owner else "no tenant"
                faults.append(f"{name}, {whose}: {counts[0]} rows wanted, {counts[1]} found")
    return faults

"""Rows written just as they are given, by the thousand: for history, which has times of its own.

`bulk_create` sets `auto_now` fields to the present, and with that every order of last spring
would have been made today.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from noren_kit.db.arrays import plain_array

# The columns whose values' texts may stand in an array without quotes.
_PLAIN = ("uuid", "integer", "smallint", "bigint", "boolean", "numeric", "timestamp")


def insert_rows(rows: Sequence[models.Model]) -> None:
    """Insert unsaved instances of one model with all the values they carry; one statement.

    Nothing is filled in at saving: times and actors that are left out stay empty, or are refused
    by the database. Not for models with array columns.
    """
    if not rows:
        return
    # The connection itself: its proxy would cost more than the values.
    database = connections[DEFAULT_DB_ALIAS]
    meta = rows[0]._meta
    fields: Sequence[models.Field[Any, Any]] = meta.concrete_fields
    casts, arrays = [], []
    for field in fields:
        # Without the length or precision: a cast would cut to it, the column refuses.
        kind = str(field.db_type(database)).partition("(")[0]
        casts.append(f"%s::{kind}[]")
        arrays.append(_array(field, kind, rows, database))
    quote = database.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    with database.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(meta.db_table)} ({columns})"  # noqa: S608  names of the model
            f" SELECT * FROM unnest({', '.join(casts)})",
            arrays,
        )


def _array(
    field: models.Field[Any, Any],
    kind: str,
    rows: Sequence[models.Model],
    database: BaseDatabaseWrapper,
) -> Any:
    name = field.attname
    values = [field.get_db_prep_save(getattr(row, name), database) for row in rows]
    if kind.startswith(_PLAIN):
        return plain_array("NULL" if value is None else value for value in values)
    return values

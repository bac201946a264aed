"""Rows written just as they are given, in one statement whose text is always the same.

`insert_rows` is for history by the thousand: `bulk_create` sets `auto_now` fields to the present,
and with that every order of last spring would have been made today. `insert_together` is for
what is written often: a row and its parts, in one statement that stays prepared.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import orjson
from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.base import ModelState

from noren_kit.db.arrays import plain_array
from noren_kit.db.prepared import Question, execute

# The columns whose values' texts may stand in an array without quotes.
_PLAIN = ("uuid", "integer", "smallint", "bigint", "boolean", "numeric", "timestamp")

_PLAIN_FIELDS = (
    models.BooleanField,
    models.CharField,
    models.DateTimeField,
    models.DecimalField,
    models.IntegerField,
    models.JSONField,
    models.TextField,
    models.UUIDField,
)


Row = TypeVar("Row", bound=models.Model)


def unsaved(model: type[Row], **columns: Any) -> Row:
    """An instance as its class makes one, at a fifth of the cost: by the names of its columns.

    `order_id`, not `order`; what is left out has its field's default. Signals hear nothing of
    it. Raises `TypeError` for a name that is none.
    """
    names, constants, makers = _blank(model)
    if not columns.keys() <= names:
        raise TypeError(f"{model.__name__} has no {sorted(columns.keys() - names)}.")
    row = model.__new__(model)
    values = vars(row)
    values["_state"] = ModelState()
    values.update(constants)
    for name, make in makers:
        if name not in columns:
            values[name] = make()
    values.update(columns)
    return row


@lru_cache(maxsize=256)
def _blank(
    model: type[models.Model],
) -> tuple[frozenset[str], dict[str, Any], list[tuple[str, Callable[[], Any]]]]:
    """The names of the columns, and their defaults: those that last, and those made anew."""
    fields: Sequence[models.Field[Any, Any]] = model._meta.concrete_fields
    made = {each.attname for each in fields if each.has_default() and callable(each.default)}
    constants = {each.attname: each.get_default() for each in fields if each.attname not in made}
    makers = [(each.attname, each.get_default) for each in fields if each.attname in made]
    return frozenset(each.attname for each in fields), constants, makers


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


@dataclass(frozen=True, slots=True)
class Taken:
    """A value that the inserting statement itself takes, for a column of its first group's row.

    `statement` returns one row with one column, `value`. What it locks is held for no longer
    than it takes to write the rows down.
    """

    column: str
    statement: str
    values: Sequence[Any] = ()


def insert_together(*groups: Sequence[models.Model]) -> None:
    """Insert unsaved instances with all the values they carry; one statement for all models.

    Each group is of one model; empty ones are left out. Later ones may refer to earlier ones: keys
    are checked at the statement's end. Otherwise as `insert_rows`.
    """
    filled = [group for group in groups if group]
    execute(_insert_statement(tuple(type(group[0]) for group in filled)), _as_json(filled))


def inserting_taking(taken: Taken, *groups: Sequence[models.Model]) -> Question:
    """What `insert_together` would ask, for a first group of one row; returns the value taken."""
    filled = [group for group in groups if group]
    made = tuple(type(group[0]) for group in filled)
    statement = _insert_statement(made, taken.column, taken.statement)
    return Question(statement, [*taken.values, *_as_json(filled)])


def _as_json(groups: Sequence[Sequence[models.Model]]) -> list[str]:
    return [_dumped(list(map(_as_stored, group))) for group in groups]


def _dumped(rows: Sequence[dict[str, Any]]) -> str:
    try:
        return orjson.dumps(rows, default=str).decode()
    except orjson.JSONEncodeError:
        # Numbers beyond 64 bits, which are the database's to refuse.
        return json.dumps(rows, default=str)


@lru_cache(maxsize=256)
def _insert_statement(
    made: tuple[type[models.Model], ...], taken_column: str = "", taking: str = ""
) -> str:
    quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
    inserts = []
    for at, model in enumerate(made):
        table = quote(model._meta.db_table)
        names = [column for column, _name, _prepare in _columns_of(model)]
        takes = at == 0 and taken_column
        values = ["(SELECT value FROM taken)" if takes == name else quote(name) for name in names]
        inserts.append(
            f"INSERT INTO {table} ({', '.join(map(quote, names))})"  # noqa: S608  of the model
            f" SELECT {', '.join(values)}"
            f" FROM jsonb_populate_recordset(NULL::{table}, %s::jsonb)"
        )
    *earlier, last = inserts
    steps = [f"step{number} AS ({each})" for number, each in enumerate(earlier)]
    if taking:
        steps = [f"taken AS ({taking})", *steps, f"step AS ({last})"]
        last = "SELECT value FROM taken"
    return f"WITH {', '.join(steps)} {last}" if steps else last


@lru_cache(maxsize=256)
def _columns_of(model: type[models.Model]) -> tuple[tuple[str, str, Any], ...]:
    """Each column with its attribute, and what makes the stored value where it is another."""
    fields: Sequence[models.Field[Any, Any]] = model._meta.concrete_fields
    return tuple(
        (str(each.column), each.attname, None if _is_plain(each) else each.get_db_prep_save)
        for each in fields
    )


def update_rows(rows: Sequence[models.Model], names: Collection[str]) -> None:
    """Write these fields of saved instances of one model of a tenant's; one statement.

    With them go the time and the actor of the change, where the model has them. The caller holds
    the rows, in the order of their ids.
    """
    if not rows:
        return
    fields = [
        each
        for each in rows[0]._meta.concrete_fields
        if each.name in names or getattr(each, "auto_now", False) or _names_changer(each)
    ]
    for each in fields:
        for row in rows:
            if each.name not in names:
                each.pre_save(row, add=False)
    columns = tuple(str(each.column) for each in fields)
    stored = [_as_stored(row) for row in rows]
    kept = [{name: row[name] for name in ("tenant_id", "id", *columns)} for row in stored]
    execute(_update_statement(type(rows[0]), columns), [_dumped(kept)])


def _names_changer(field: models.Field[Any, Any]) -> bool:
    return bool(getattr(field, "on_update", False))


@lru_cache(maxsize=256)
def _update_statement(model: type[models.Model], columns: tuple[str, ...]) -> str:
    quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
    table = quote(model._meta.db_table)
    changes = ", ".join(f"{quote(column)} = v.{quote(column)}" for column in columns)
    return (
        f"UPDATE {table} t SET {changes}"  # noqa: S608  names of the model's own
        f" FROM jsonb_populate_recordset(NULL::{table}, %s::jsonb) v"
        " WHERE t.tenant_id = v.tenant_id AND t.id = v.id"
    )


def _is_plain(field: models.Field[Any, Any]) -> bool:
    """Whether the text of a value in JSON is what the column takes."""
    own = type(field).__module__ == models.Field.__module__
    return isinstance(field, models.ForeignKey | models.JSONField) or (
        own and isinstance(field, _PLAIN_FIELDS)
    )


def _as_stored(row: models.Model) -> dict[str, Any]:
    database, values = connections[DEFAULT_DB_ALIAS], row.__dict__
    return {
        column: prepare(values[name], database) if prepare else values[name]
        for column, name, prepare in _columns_of(type(row))
    }

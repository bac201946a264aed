"""Soft delete: the row stays for its history and leaves every list, look-up and unique rule."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.utils import timezone

from noren_kit.core import context
from noren_kit.core.errors import AppError, InUse, NotFound
from noren_kit.db.arrays import plain_array
from noren_kit.db.prepared import fetch_all
from noren_kit.softdelete.relations import relations_to
from noren_kit.tenancy.models import TenantModel


def hold_live(model: type[TenantModel], pk: uuid.UUID) -> Any:
    """The live row of that id, or None; it can't be deleted until the transaction ends."""
    statement, names, converters = _holding(model)
    for row in fetch_all(statement + _ONE, [context.tenant_id(), pk]):
        return _instance(model, row, names, converters)
    return None


def hold_all_live(model: type[TenantModel], ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Any]:
    """The live rows of these ids by id, held as `hold_live` holds one; one statement."""
    statement, names, converters = _holding(model)
    found = fetch_all(statement + _MANY, [context.tenant_id(), plain_array(set(ids))])
    rows = (_instance(model, row, names, converters) for row in found)
    return {row.pk: row for row in rows}


_ONE = " AND id = %s AND deleted_at IS NULL FOR KEY SHARE"
_MANY = (
    " AND id = ANY((SELECT %s::uuid[])::uuid[]) AND deleted_at IS NULL ORDER BY id FOR KEY SHARE"
)
_Converters = list[tuple[int, Any]]


def _instance(
    model: type[TenantModel], row: Iterable[Any], names: list[str], converters: _Converters
) -> Any:
    values = list(row)
    for at, convert in converters:
        values[at] = convert(values[at], None, connection)
    return model.from_db(DEFAULT_DB_ALIAS, names, values)


@lru_cache(maxsize=256)
def _holding(model: type[TenantModel]) -> tuple[str, list[str], _Converters]:
    """The statement, its attributes, and what makes the value of those stored in another form."""
    fields: list[Any] = list(model._meta.concrete_fields)
    columns = ", ".join(f'"{field.column}"' for field in fields)
    statement = (
        f'SELECT {columns} FROM "{model._meta.db_table}"'  # noqa: S608  a model's own names
        " WHERE tenant_id = %s"
    )
    converters = [
        (at, convert)
        for at, field in enumerate(fields)
        for convert in field.get_db_converters(connection)
    ]
    return statement, [field.attname for field in fields], converters


def soft_delete(row: TenantModel) -> None:
    """Delete `row` softly; raises `InUse` while live rows refer to it, `NotFound` if it is gone.

    `soft_delete_all` says what becomes of the rows that refer to it.
    """
    for error in soft_delete_all(type(row), [row.pk]).values():
        raise error


def soft_delete_all(
    model: type[TenantModel], ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, AppError]:
    """Delete rows softly; returns why some of them stay: `InUse` or `NotFound`, by id.

    By the foreign keys that refer to them (`noren_kit.softdelete.relations`), live rows hold
    them (`PROTECT`), go along (`CASCADE`), or stay as they are (`DO_NOTHING`). What goes along
    does so at the same moment, by which it can be told from what was deleted before.

    The rows are locked first, in the order of their ids and against their keys as well: whoever
    is about to refer to one is waited for, or waits and then finds it gone (`hold_live`). As many
    statements for a thousand rows as for one.
    """
    manager: Any = model._default_manager
    locked = manager.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk")
    found = set(locked.values_list("pk", flat=True))
    refused: dict[uuid.UUID, AppError] = {each: NotFound() for each in ids if each not in found}
    for pk, names in _users(model, found).items():
        refused[pk] = InUse(details={"used_by": sorted(names)})
    going = found - set(refused)
    if going:
        _delete(model, going, timezone.now())
    return refused


def _users(model: type[TenantModel], ids: set[uuid.UUID]) -> dict[uuid.UUID, set[str]]:
    """Names of the models whose live rows hold one of these rows, by its id.

    Rows of `model` among the ids hold no other of them, unless they stay themselves.
    """
    held: dict[uuid.UUID, set[str]] = defaultdict(set)
    inside: list[tuple[uuid.UUID, uuid.UUID]] = []
    for relation in relations_to(model) if ids else ():
        if relation.on_delete is not models.PROTECT or not relation.is_resource:
            continue
        rows = relation.model._default_manager.filter(**{f"{relation.field}__in": ids}).order_by()
        if relation.model is model:
            inside += rows.filter(pk__in=ids).values_list("pk", relation.column)
            rows = rows.exclude(pk__in=ids)
        for pk in rows.values_list(relation.column, flat=True).distinct():
            held[pk].add(str(relation.model._meta.model_name))
    changed = True
    while changed:
        staying = {held_by for pk, held_by in inside if pk in held and held_by not in held}
        for pk in staying:
            held[pk].add(str(model._meta.model_name))
        changed = bool(staying)
    return held


def _delete(model: Any, ids: Collection[uuid.UUID], moment: dt.datetime) -> None:
    for relation in relations_to(model):
        if relation.on_delete is models.CASCADE and relation.is_resource:
            _delete_parts(relation.model, relation.field, ids, moment)
    model._default_manager.filter(pk__in=ids).touch(deleted_at=moment)


def _delete_parts(
    model: Any, field: str, owners: Collection[uuid.UUID], moment: dt.datetime
) -> None:
    """Take along the live rows that are part of `owners`, and first what is part of those."""
    parts = model._default_manager.filter(**{f"{field}__in": owners})
    if any(each.on_delete is not models.DO_NOTHING for each in _resources_of(model)):
        locked = parts.select_for_update(of=("self",)).order_by("pk")
        ids = set(locked.values_list("pk", flat=True))
        users = _users(model, ids)
        if users:
            raise InUse(details={"used_by": sorted(set().union(*users.values()))})
        _delete(model, ids, moment)
        return
    parts.touch(deleted_at=moment)


def _resources_of(model: Any) -> list[Any]:
    return [each for each in relations_to(model) if each.is_resource]

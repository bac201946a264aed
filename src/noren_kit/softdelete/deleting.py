"""Soft delete: the row stays for its history and leaves every list, look-up and unique rule."""

from __future__ import annotations

import datetime as dt
import uuid
from functools import lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.utils import timezone

from noren_kit.core import context
from noren_kit.core.errors import InUse, NotFound
from noren_kit.db.prepared import fetch_all
from noren_kit.tenancy.models import TenantModel


def live_referrers(row: TenantModel) -> list[str]:
    """Names of the models whose live rows refer to `row` and hold it (`on_delete=PROTECT`)."""
    found = []
    for relation in row._meta.related_objects:
        model: Any = relation.related_model
        if relation.on_delete is not models.PROTECT or not issubclass(model, TenantModel):
            continue
        if model._default_manager.filter(**{relation.field.name: row.pk}).exists():
            found.append(model._meta.model_name)
    return found


def hold_live(model: type[TenantModel], pk: uuid.UUID) -> Any:
    """The live row of that id, or None; it can't be deleted until the transaction ends."""
    statement, names, converters = _holding(model)
    for row in fetch_all(statement, [context.tenant_id(), pk]):
        values = list(row)
        for at, convert in converters:
            values[at] = convert(values[at], None, connection)
        return model.from_db(DEFAULT_DB_ALIAS, names, values)
    return None


@lru_cache(maxsize=256)
def _holding(model: type[TenantModel]) -> tuple[str, list[str], list[tuple[int, Any]]]:
    """The statement, its attributes, and what makes the value of those stored in another form."""
    fields: list[Any] = list(model._meta.concrete_fields)
    columns = ", ".join(f'"{field.column}"' for field in fields)
    statement = (
        f'SELECT {columns} FROM "{model._meta.db_table}"'  # noqa: S608  a model's own names
        " WHERE tenant_id = %s AND id = %s AND deleted_at IS NULL FOR KEY SHARE"
    )
    converters = [
        (at, convert)
        for at, field in enumerate(fields)
        for convert in field.get_db_converters(connection)
    ]
    return statement, [field.attname for field in fields], converters


def soft_delete(row: TenantModel) -> None:
    """Delete `row` softly; raises `InUse` while live rows refer to it, `NotFound` if it is gone.

    Rows that are part of it (`on_delete=CASCADE`) go with it, at the same moment, by which they
    can be told from those that were deleted before.

    The row is locked first, against its key as well: whoever is about to refer to it is waited
    for, or waits and then finds it gone (`RelatedIdField`).
    """
    locked: Any = type(row)._default_manager.select_for_update(of=("self",))
    if not list(locked.filter(pk=row.pk).values_list("pk")):
        raise NotFound
    referrers = live_referrers(row)
    if referrers:
        raise InUse(details={"used_by": sorted(referrers)})
    manager: Any = type(row)._default_manager
    moment = timezone.now()
    _delete_parts(row, moment)
    if not manager.filter(pk=row.pk).touch(deleted_at=moment):
        raise NotFound


def _delete_parts(row: TenantModel, moment: dt.datetime) -> None:
    for relation in row._meta.related_objects:
        model: Any = relation.related_model
        if relation.on_delete is models.CASCADE and issubclass(model, TenantModel):
            model._default_manager.filter(**{relation.field.name: row.pk}).touch(deleted_at=moment)

"""The end of what is in the bin: rows deleted longer ago than the tenant keeps them.

What is still referred to stays: a line of an order keeps the product that it names, and its
variant, for good. So does a part that can't go yet keep what it is part of.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import connection, models
from django.utils import timezone

from noren_kit.core import context
from noren_kit.db.arrays import plain_array
from noren_kit.db.prepared import fetch_all
from noren_kit.softdelete.relations import Relation, relations_to, targets_of
from noren_kit.tenancy.models import Tenant, TenantModel

BATCH = 500


def binned_models() -> list[Any]:
    """The models whose rows go into the bin, each before those that its rows refer to."""
    every = [
        model
        for model in apps.get_models()
        if issubclass(model, TenantModel) and not model._meta.proxy
    ]
    ordered: list[Any] = []
    seen: set[Any] = set()

    def visit(model: Any) -> None:
        if model in seen:
            return
        seen.add(model)
        for _name, target in targets_of(model):
            visit(target)
        ordered.append(model)

    for model in every:
        visit(model)
    return ordered[::-1]


def purge(*, batch: int = BATCH) -> int:
    """Remove rows of the entered tenant whose time in the bin is over; returns their number.

    At most `batch` in one call, which is one transaction's worth: as long as it returns that
    many, there may be more.
    """
    tenant = Tenant.objects.get(id=context.tenant_id())
    before = timezone.now() - dt.timedelta(days=tenant.bin_retention_days)
    removed = 0
    for model in binned_models():
        if removed < batch:
            removed += _purge(model, before, batch - removed)
    return removed


def _purge(model: Any, before: dt.datetime, most: int) -> int:
    ids = [row[0] for row in fetch_all(_due(model), [context.tenant_id(), before, most])]
    if not ids:
        return 0
    for relation in relations_to(model):
        if _goes_along(relation):
            _remove(relation.model, relation.column, ids)
    _remove(model, "id", ids)
    return len(ids)


def _goes_along(relation: Relation) -> bool:
    return relation.on_delete is models.CASCADE and not relation.is_resource


def _due(model: Any) -> str:
    """Rows that nothing refers to; those that somebody is restoring are left for the next time."""
    table = model._meta.db_table
    kept = "".join(
        f' AND NOT EXISTS (SELECT FROM "{each.model._meta.db_table}" r'
        f' WHERE r.tenant_id = t.tenant_id AND r."{each.column}" = t.id)'
        for each in _referrers(model)
    )
    return (
        f'SELECT t.id FROM "{table}" t WHERE t.tenant_id = %s AND t.deleted_at < %s{kept}'  # noqa: S608
        " ORDER BY t.deleted_at LIMIT %s FOR UPDATE SKIP LOCKED"
    )


def _referrers(model: Any) -> Iterator[Relation]:
    return (each for each in relations_to(model) if not _goes_along(each))


def _remove(model: Any, column: str, ids: list[uuid.UUID]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f'DELETE FROM "{model._meta.db_table}"'  # noqa: S608  names of the model's own
            f' WHERE tenant_id = %s AND "{column}" = ANY(%s::uuid[])',
            [context.tenant_id(), plain_array(ids)],
        )

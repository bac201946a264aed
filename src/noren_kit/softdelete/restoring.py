"""Out of the bin: a deleted row comes back, with what went along when it was deleted."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.db import models

from noren_kit.core.errors import NotFound
from noren_kit.softdelete.deleting import hold_all_live
from noren_kit.softdelete.errors import RefersToDeleted
from noren_kit.softdelete.relations import relations_to, targets_of
from noren_kit.tenancy.models import TenantModel


def restore(row: TenantModel) -> None:
    """Bring `row` back from the bin, and the rows that went into it together with it.

    Raises `NotFound` if it is not in the bin any more, and `RefersToDeleted` while something
    that it refers to is. A unique value that another row has taken meanwhile is refused by the
    database (409).

    The row is locked first, against its key as well, so that of two who restore it, or one who
    restores and one who purges, the second finds it gone; and what it refers to is held, so
    that nobody deletes that meanwhile.
    """
    every: Any = type(row).every
    locked = every.select_for_update(of=("self",)).filter(pk=row.pk, deleted_at__isnull=False)
    found = locked.first()
    if found is None:
        raise NotFound
    coming = [(type(row), [found]), *_parts(type(row), [found])]
    _hold_targets(coming)
    for model, rows in coming:
        ids = [each.pk for each in rows]
        model.every.filter(pk__in=ids).touch(deleted_at=None)


def _parts(model: Any, owners: list[Any]) -> Iterator[tuple[Any, list[Any]]]:
    """The rows that went along with `owners`, which were all deleted at one moment, and so on."""
    moment = owners[0].deleted_at
    for relation in relations_to(model):
        if relation.on_delete is not models.CASCADE or not relation.is_resource:
            continue
        went = {f"{relation.field}__in": [each.pk for each in owners], "deleted_at": moment}
        parts = relation.model.every.filter(**went).order_by("pk")
        rows = list(parts.select_for_update(of=("self",)))
        if rows:
            yield relation.model, rows
            yield from _parts(relation.model, rows)


def _hold_targets(coming: list[tuple[Any, list[Any]]]) -> None:
    """Hold what these rows refer to; raises `RefersToDeleted` where that is deleted."""
    own = {row.pk for _model, rows in coming for row in rows}
    wanted: dict[Any, set[uuid.UUID]] = defaultdict(set)
    named: dict[uuid.UUID, str] = {}
    for model, rows in coming:
        for attribute, target in targets_of(model):
            ids = {getattr(row, attribute) for row in rows} - own - {None}
            wanted[target] |= ids
            named.update(dict.fromkeys(ids, attribute.removesuffix("_id")))
    for target, ids in wanted.items():
        missing = ids - set(hold_all_live(target, ids)) if ids else set()
        if missing:
            names = {named[each] for each in missing}
            fault = [{"code": RefersToDeleted.code, "message": RefersToDeleted.message}]
            raise RefersToDeleted(details=dict.fromkeys(sorted(names), fault))

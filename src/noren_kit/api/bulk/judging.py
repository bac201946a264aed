"""Many bodies judged by one serializer, with a number of statements that does not grow.

Related rows are looked up for all bodies at once, and so is what must not occur twice. A body is
otherwise judged as it would be alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import models
from rest_framework import serializers

from noren_kit.api.bulk.batches import Batch
from noren_kit.api.exceptions import fault_tree
from noren_kit.api.fields import RelatedIdField
from noren_kit.api.parameters import parse_id
from noren_kit.core import context
from noren_kit.core.errors import Duplicate
from noren_kit.db.arrays import text_array
from noren_kit.db.claims import ClaimsValue
from noren_kit.db.prepared import fetch_all

Values = dict[str, Any]


def look_up(serializer: Any, bodies: Mapping[int, Any]) -> dict[str, dict[uuid.UUID, Any]]:
    """The rows that the bodies' relation members name, by field and id."""
    found: dict[str, dict[uuid.UUID, Any]] = {}
    for name, field in serializer.fields.items():
        if field.read_only or not isinstance(field, RelatedIdField):
            continue
        texts = {
            body[name]
            for body in bodies.values()
            if isinstance(body, Mapping) and isinstance(body.get(name), str)
        }
        ids = {each for each in map(parse_id, texts) if each is not None}
        found[name] = field.find_all(ids) if ids else {}
    return found


def judge(
    serializer: Any, batch: Batch, bodies: Mapping[int, Any], found: dict[str, Any]
) -> dict[int, Values]:
    """The values of the bodies that are right, by place; the faults of others go to `batch`."""
    found.update(look_up(serializer, bodies))
    values: dict[int, Values] = {}
    for place, body in bodies.items():
        try:
            values[place] = serializer.run_validation(body)
        except serializers.ValidationError as error:
            faults = fault_tree(error.detail)
            batch.refuse(
                place, faults if isinstance(faults, dict) else {"non_field_errors": faults}
            )
    return values


def refuse_duplicates(
    model: type[models.Model],
    batch: Batch,
    values: Mapping[int, Values],
    rows: Mapping[int, Any] | None = None,
) -> None:
    """Refuse what would occur twice, in the request or with what is there.

    `rows` are those that are changed, by place; without them the values are of new rows. The
    database judges again when they are written, for another may come in between.
    """
    claimed = [each for each in model._meta.constraints if isinstance(each, ClaimsValue)]
    for claim in claimed:
        _refuse(batch, values, rows, (claim.field,), _Claims(model, claim))
    own = [(each.field,) for each in claimed]
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint) and constraint.fields:
            names = tuple(name for name in constraint.fields if name != "tenant")
            if names not in own:
                _refuse(batch, values, rows, names, _Rows(model, constraint))


class _Claims:
    """Values that are unique over several tables."""

    nulls_collide = False

    def __init__(self, model: Any, claim: ClaimsValue) -> None:
        self.model, self.claim = model, claim

    def holders(self, names: tuple[str, ...], keys: set[tuple[Any, ...]]) -> dict[Any, set[Any]]:
        statement = (
            f'SELECT "{self.claim.field}", id FROM "{self.claim.claims}"'  # noqa: S608
            f' WHERE tenant_id = %s AND "{self.claim.field}" = ANY((SELECT %s::text[])::text[])'
        )
        taken = fetch_all(statement, [context.tenant_id(), text_array(key[0] for key in keys)])
        return {(value,): {pk} for value, pk in taken}


class _Rows:
    """Values that are unique among rows of a table."""

    def __init__(self, model: Any, constraint: models.UniqueConstraint) -> None:
        self.model, self.constraint = model, constraint
        self.nulls_collide = constraint.nulls_distinct is False

    def holders(self, names: tuple[str, ...], keys: set[tuple[Any, ...]]) -> dict[Any, set[Any]]:
        live = self.constraint.condition is not None
        rows = self.model._default_manager.all() if live else self.model.every.all()
        columns = [self.model._meta.get_field(name) for name in names]
        # The rest is compared here: a value narrows the rows well, a relation hardly.
        telling = [at for at, each in enumerate(columns) if not each.is_relation] or [0]
        for at in telling:
            rows = rows.filter(**{f"{columns[at].attname}__in": {key[at] for key in keys}})
        held: dict[Any, set[Any]] = {}
        for pk, *key in rows.order_by().values_list("pk", *(each.attname for each in columns)):
            held.setdefault(tuple(key), set()).add(pk)
        return held


def _refuse(
    batch: Batch,
    values: Mapping[int, Values],
    rows: Mapping[int, Any] | None,
    names: tuple[str, ...],
    source: Any,
) -> None:
    keys: dict[int, tuple[Any, ...]] = {}
    for place, given in values.items():
        row = None if rows is None else rows[place]
        if row is not None and not set(names) & set(given):
            continue
        key = tuple(_value(source.model, name, given, row) for name in names)
        if source.nulls_collide or None not in key:
            keys[place] = key
    held = source.holders(names, set(keys.values())) if keys else {}
    first: dict[Any, int] = {}
    for place, key in keys.items():
        own = None if rows is None else rows[place].pk
        if held.get(key, set()) - {own} or first.setdefault(key, place) != place:
            said = [name for name in names if name in values[place]]
            fault = [{"code": Duplicate.code, "message": Duplicate.message}]
            batch.refuse(place, dict.fromkeys(said or ["non_field_errors"], fault))


def _value(model: Any, name: str, given: Values, row: Any) -> Any:
    field = model._meta.get_field(name)
    if name in given:
        return getattr(given[name], "pk", given[name])
    return getattr(row, field.attname) if row is not None else field.get_default()

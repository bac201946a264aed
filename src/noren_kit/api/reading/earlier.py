"""A row as a serializer would have shown it at an earlier moment, by the history of changes.

The plan is the same; the row and those that it refers to are not taken from their tables but
from `noren_row_as_of`, which undoes in today's row what came later (ADR 0021). What history does
not tell is null: lists of other rows, and columns that are kept apart from it.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.db import models
from rest_framework import serializers

from noren_kit.api.reading.columns import NotCompilable
from noren_kit.api.reading.plans import Plan
from noren_kit.api.reading.rows import Representation, plan_for
from noren_kit.api.reading.tables import Join, quoted
from noren_kit.audit.changes import first_id_after, resource_of
from noren_kit.core import context
from noren_kit.db.history import recorded_as
from noren_kit.db.prepared import fetch_all
from noren_kit.tenancy.checks import is_tenant_model
from noren_kit.tenancy.models import TenantModel


def read_as_of(representation: Representation, pk: uuid.UUID, moment: dt.datetime) -> Any:
    """What was shown of the row at that moment, None where it was not there or in the bin.

    Raises `NotCompilable` for a serializer that has no plan.
    """
    names = list(representation.serializer().fields)
    told = _told(representation)
    plan = plan_for(representation.only(told)) if told else None
    if plan is None:
        raise NotCompilable("nothing that history tells of is shown")
    row = _fetch(plan, pk, moment)
    if row is None:
        return None
    shown = plan.shape(row)
    return {name: shown.get(name) for name in names}


def _told(representation: Representation) -> list[str]:
    """The members that follow from columns whose earlier values are known."""
    plan = plan_for(representation)
    if plan is None:
        raise NotCompilable(f"{representation.serializer_class.__name__} has no plan")
    fields = representation.serializer().fields
    return [
        name
        for name, reads in plan.members.items()
        if not _lists(fields[name]) and all(_is_told(model, column) for model, column in reads)
    ]


def _lists(field: Any) -> bool:
    if isinstance(field, serializers.ListSerializer | serializers.ManyRelatedField):
        return True
    return any(map(_lists, getattr(field, "fields", {}).values()))


def _is_told(model: type[models.Model], name: str) -> bool:
    if not is_tenant_model(model):
        return True  # People, by the names that they have today.
    recorded = recorded_as(model)
    column = model._meta.get_field(name).column  # type: ignore[union-attr]
    return recorded is not None and column not in {*recorded.ignored, *recorded.masked}


def _fetch(plan: Plan, pk: uuid.UUID, moment: dt.datetime) -> tuple[Any, ...] | None:
    start = first_id_after(moment)
    values: list[Any] = [*plan.values, resource_of(plan.model), context.tenant_id(), pk, start]
    joins = []
    for step in plan.steps:
        joins.append(_earlier(step))
        if resource_of(step.model):
            values += [resource_of(step.model), start]
    kept = issubclass(plan.model, TenantModel)
    facts = f", {plan.base}.deleted_at IS NOT NULL, {plan.base}.created_at" if kept else ""
    table = quoted(plan.model._meta.db_table)
    statement = (
        f"SELECT {plan.columns}{facts}"  # noqa: S608  names of the models' own
        f" FROM noren_row_as_of(NULL::{table}, %s, %s, %s, %s) {plan.base}"
        + "".join(f" {join}" for join in joins)
    )
    for row in fetch_all(statement, values):
        if kept and (row[-2] or row[-1] > moment):
            return None
        return row
    return None


def _earlier(step: Join) -> str:
    if resource_of(step.model) is None:
        return str(step)
    row = f"NULL::{quoted(step.model._meta.db_table)}"
    key = f"{step.holder}.tenant_id, {step.holder}.{quoted(str(step.key.column))}"
    return f"{step.kind} LATERAL noren_row_as_of({row}, %s, {key}, %s) {step.alias} ON true"

"""History as the API shows it: columns under the names and in the formats of their resource.

What a serializer shows of a row's own columns, and what it makes of one of them, is shown of a
change as well. `all_changes` adds the columns that no serializer shows, under their own names.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import django_filters
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from noren_kit.api.fields import AmountField, ComputedField, PersonField
from noren_kit.api.filters import ChoiceFilter, IdFilter, InstantFilter
from noren_kit.api.reading import NotCompilable
from noren_kit.api.reading.columns import wire_of
from noren_kit.api.registry import serializer_of
from noren_kit.api.serializers import ResourceSerializer
from noren_kit.audit.changes import first_id_at, recorded_models
from noren_kit.audit.models import Change
from noren_kit.db.fields import MoneyField
from noren_kit.db.history import QUIET_COLUMNS

Values = Mapping[str, Any]
Show = Callable[[Any], Any]

# What an entry says itself, by `at` and `actor`.
_OF_THE_ENTRY = frozenset({*QUIET_COLUMNS, "created_by_id", "tenant_id", "id"})
_MOMENT = serializers.DateTimeField()
_AMOUNT = AmountField()


class Member(NamedTuple):
    """What is shown of a column: under which name, and how."""

    column: str
    name: str
    show: Show


def _load(column: models.Field[Any, Any]) -> Show:
    """What makes Python's value of a column's in history."""
    if isinstance(column, models.JSONField | ArrayField):
        return lambda value: value
    try:
        load = wire_of(column).load
    except NotCompilable:
        load = None
    return load or (lambda value: value)


def _plainly(value: Any) -> Any:
    """Kinds that JSON lacks, as the API shows them everywhere."""
    if isinstance(value, str | int | float | bool | list | dict) or value is None:
        return value
    return _MOMENT.to_representation(value) if hasattr(value, "tzinfo") else str(value)


def _careful(column: models.Field[Any, Any], show: Show) -> Show:
    """A value that the column could not have today is shown as it stands: it had another kind."""
    load = _load(column)

    def shown(value: Any) -> Any:
        try:
            return show(load(value))
        except (ArithmeticError, AttributeError, TypeError, ValueError):
            return _plainly(value)

    return shown


def _own_column(model: type[models.Model], name: str) -> Any:
    found = {each.name: each for each in model._meta.local_fields}
    found.update({each.attname: each for each in model._meta.local_fields})
    return found.get(name)


def _of_field(model: type[models.Model], field: Any) -> Member | None:
    """What a serializer's field shows of one column of the row itself."""
    name = str(field.field_name)
    if isinstance(field, ComputedField):
        column = _own_column(model, field.reads[0]) if len(field.reads) == 1 else None
        if column is None:
            return None
        return Member(
            column.column, name, _careful(column, lambda value: field.shown(field.make(value)))
        )
    column = _own_column(model, str(field.source))
    if column is None or isinstance(field, PersonField | serializers.BaseSerializer):
        return None
    if isinstance(field, serializers.RelatedField):
        return Member(column.column, name, _careful(column, str))
    return Member(column.column, name, _careful(column, field.to_representation))


def _of_column(column: models.Field[Any, Any]) -> Member:
    show: Show = _AMOUNT.to_representation if isinstance(column, MoneyField) else _plainly
    return Member(str(column.column), column.name, _careful(column, show))


@lru_cache(maxsize=256)
def _members(model: type[models.Model], *, whole: bool) -> tuple[Member, ...]:
    """What is shown of a model's columns: of those in its serializer, with `whole` of all."""
    shown_as = serializer_of(model)
    fields = shown_as().fields.values() if shown_as else ()
    found = [
        member for each in fields if not each.write_only for member in [_of_field(model, each)]
    ]
    members = [each for each in found if each is not None]
    known = {each.column for each in members}
    for column in model._meta.local_fields:
        if column.column not in known and (whole or column.name == "deleted_at"):
            members.append(_of_column(column))
    return tuple(each for each in members if each.column not in _OF_THE_ENTRY)


def _changes(model: Any, old: Values | None, new: Values | None, *, whole: bool) -> dict[str, Any]:
    before, after = old or {}, new or {}
    found = {}
    for column, name, show in _members(model, whole=whole) if model else ():
        was, became = before.get(column), after.get(column)
        if was is not None or became is not None:
            found[name] = {
                "old": None if was is None else show(was),
                "new": None if became is None else show(became),
            }
    if whole:
        columns = {each.column for each in model._meta.local_fields} if model else set()
        for column in sorted({*before, *after} - columns):  # Of a time with other columns.
            found.setdefault(
                column,
                {"old": _plainly(before.get(column)), "new": _plainly(after.get(column))},
            )
    return found


@lru_cache(maxsize=1)
def _models() -> Mapping[str, type[models.Model]]:
    return recorded_models()


def shown_changes(resource: str, old: Values | None, new: Values | None) -> dict[str, Any]:
    """Of a change what the resource's serializer shows."""
    return _changes(_models().get(resource), old, new, whole=False)


def all_changes(resource: str, old: Values | None, new: Values | None) -> dict[str, Any]:
    """All of a change."""
    return _changes(_models().get(resource), old, new, whole=True)


def entry_actor(identifier: uuid.UUID | None, name: str) -> dict[str, Any] | None:
    """Who acted, under the name of that time."""
    return None if identifier is None else {"id": identifier, "name": name}


def entry_program(identifier: uuid.UUID | None, name: str) -> str | None:
    """The task or command that wrote where nobody acted."""
    return name if identifier is None and name else None


class EntryActorSerializer(serializers.Serializer):
    """Who it was, under the name of that time."""

    id = serializers.UUIDField()
    name = serializers.CharField()


_ANY = {"description": "As the resource shows it."}


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "properties": {"old": _ANY, "new": _ANY},
            "required": ["old", "new"],
        },
    }
)
class ChangesField(serializers.JSONField):
    """The members that changed, each with its old and its new value."""


_READS = ["resource", "old", "new"]


class HistorySerializer(ResourceSerializer):
    """One change of a row."""

    actor = ComputedField(
        entry_actor,
        reads=["actor_id", "actor_name"],
        shown_as=EntryActorSerializer(allow_null=True),
    )
    program = ComputedField(
        entry_program,
        reads=["actor_id", "actor_name"],
        shown_as=serializers.CharField(
            allow_null=True, help_text="The task or command that wrote where nobody acted."
        ),
    )
    changes = ComputedField(shown_changes, reads=_READS, shown_as=ChangesField())

    class Meta:
        model = Change
        fields = [
            "at",
            "operation",
            "actor",
            "program",
            "credential_id",
            "request_id",
            "changes",
        ]


class ChangeSerializer(HistorySerializer):
    """One change of any row of the tenant."""

    changes = ComputedField(all_changes, reads=_READS, shown_as=ChangesField())

    class Meta:
        model = Change
        fields = ["resource", "row_id", *HistorySerializer.Meta.fields, "db_role"]


class _InstantIdFilter(InstantFilter):
    """A moment as the least id of its changes."""

    def filter(self, queryset: QuerySet[Any], value: Any) -> QuerySet[Any]:
        start = None if value is None else first_id_at(value)
        found: QuerySet[Any] = super().filter(queryset, start)
        return found


_REQUEST_ID = r"[A-Za-z0-9._-]{1,64}"


class RequestIdFilter(django_filters.CharFilter):
    """A request's id, as the header `X-Request-ID` has it."""

    schema = {"type": "string", "pattern": f"^{_REQUEST_ID}$"}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validators=[RegexValidator(rf"\A{_REQUEST_ID}\Z")], strip=False, **kwargs)


class HistoryFilterSet(django_filters.FilterSet):
    """Which changes of a row."""

    operation = ChoiceFilter(choices=Change.Operation.choices)
    actor_id = IdFilter()
    request_id = RequestIdFilter()
    occurred_after = _InstantIdFilter(field_name="id", lookup_expr="gte")
    occurred_before = _InstantIdFilter(field_name="id", lookup_expr="lt")

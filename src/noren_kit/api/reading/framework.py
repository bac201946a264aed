"""From a serializer's fields to the joins and prefetches that Django needs for them.

For what has no plan, and for rows that code works with: nobody writes `select_related` by hand,
because what is shown says what is read. Tests hold the plans against this way of reading.

A serializer that stands inside another's list (`many=True`) may say by its `Meta` which of the
related rows are shown: `shown` (a `Q`), `ordering`, and `most`, how many of each parent's.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import F, ForeignKey, Model, Prefetch, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from rest_framework import serializers

from noren_kit.accounts.models import User
from noren_kit.api.fields import ComputedField
from noren_kit.api.reading.related import order_of


def _relation(model: type[Model], name: str) -> Any:
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return field if field.is_relation and field.name == name else None  # `brand_id` is a column.


def _sources(field: serializers.Field) -> list[str]:
    """Paths that a field reads: its source, or what a computed field declares."""
    if isinstance(field, ComputedField):
        return [path.replace(".", "__") for path in field.reads]
    if field.source in (None, "*"):
        return []
    return [field.source.replace(".", "__")]


def _forward(model: type[Model], path: str) -> str | None:
    """The longest prefix of foreign keys in a path, None where it does not start with one."""
    found: list[str] = []
    for part in path.split("__"):
        relation = _relation(model, part)
        if not isinstance(relation, ForeignKey):
            break
        found.append(part)
        model = relation.related_model
    return "__".join(found) or None


@dataclass
class Relations:
    """What a serializer shows beside a row's own columns, as paths from the row."""

    joins: set[str] = dataclass_field(default_factory=set)
    prefetches: list[Any] = dataclass_field(default_factory=list)
    columns: set[str] = dataclass_field(default_factory=set)

    def add(
        self, model: type[Model], serializer: serializers.BaseSerializer, prefix: str = ""
    ) -> None:
        for field in serializer.fields.values():  # type: ignore[attr-defined]
            if not field.write_only:
                self._add_field(model, field, prefix)

    def _add_field(self, model: type[Model], field: serializers.Field, prefix: str) -> None:
        if field.source == "*" and isinstance(field, serializers.Serializer):
            self.add(model, field, prefix)
            return
        for path in _sources(field):
            name = path.partition("__")[0]
            relation = _relation(model, name)
            if relation is None:
                continue
            if isinstance(field, serializers.PrimaryKeyRelatedField) and path == name:
                continue
            forward = _forward(model, path)
            if forward is None:
                self.prefetches.append(_prefetch(relation, prefix + name, field))
                continue
            self.joins.update(_steps(prefix + forward))
            self.columns.add(prefix + path)
            if isinstance(field, serializers.ModelSerializer):
                self.add(_target(model, forward), field, f"{prefix}{forward}__")


def _steps(path: str) -> list[str]:
    parts = path.split("__")
    return ["__".join(parts[: number + 1]) for number in range(len(parts))]


def _prefetch(relation: Any, path: str, field: Any) -> Any:
    model = relation.related_model
    ordered = model._default_manager.order_by(*order_of(model, field))
    child = getattr(field, "child", None)
    if not isinstance(child, serializers.ModelSerializer):
        slug = getattr(getattr(field, "child_relation", None), "slug_field", "")
        forward = _forward(model, slug)
        return Prefetch(path, ordered.select_related(forward) if forward else ordered)
    meta: Any = child.Meta
    queryset = for_serializer(ordered, child).filter(getattr(meta, "shown", Q()))
    most = getattr(meta, "most", None)
    if most is not None:
        # Numbered within each parent, by the database: a slice would be of all parents' rows.
        order = [F(term[1:]).desc() if term[0] == "-" else term for term in order_of(model, field)]
        place = Window(RowNumber(), partition_by=relation.field.attname, order_by=order)
        queryset = queryset.alias(place=place).filter(place__lte=most)
    return Prefetch(path, queryset=queryset)


def _unread(model: type[Model], relations: Relations) -> list[str]:
    """Columns of joined people that nobody shows, their password above all."""
    return [
        f"{path}__{field.attname}"
        for path in sorted(relations.joins)
        if issubclass(target := _target(model, path), User)
        for field in target._meta.concrete_fields
        if field.name not in User.SHOWN and f"{path}__{field.name}" not in relations.columns
    ]


def _target(model: type[Model], path: str) -> type[Model]:
    for part in path.split("__"):
        model = _relation(model, part).related_model
    return model


def for_serializer(
    queryset: QuerySet[Any], serializer: serializers.BaseSerializer
) -> QuerySet[Any]:
    """`queryset` with every join and prefetch that `serializer` shows."""
    found = Relations()
    found.add(queryset.model, serializer)
    if found.joins:
        unread = _unread(queryset.model, found)
        queryset = queryset.select_related(*sorted(found.joins)).defer(*unread)
    return queryset.prefetch_related(*found.prefetches) if found.prefetches else queryset

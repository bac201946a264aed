"""From a serializer's fields to the joins and prefetches that it needs.

Nobody writes `select_related` by hand: a list costs the same number of statements whatever it
holds, because what is shown says what is read.

A serializer that stands inside another's list (`many=True`) may say by its `Meta` which of the
related rows are shown: `shown` (a `Q`), `ordering`, and `most`, how many of each parent's.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import ForeignKey, Model, Prefetch, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from rest_framework import serializers

from noren_kit.accounts.models import User


def _relation(model: type[Model], name: str) -> Any:
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return field if field.is_relation else None


def _sources(field: serializers.Field) -> list[str]:
    """Paths that a field reads: its source, or what a method field declares."""
    declared = getattr(field, "reads", None)
    if declared is not None:
        return [path.replace(".", "__") for path in declared]
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


def relations_of(
    model: type[Model], serializer: serializers.BaseSerializer, prefix: str = ""
) -> tuple[set[str], list[Any]]:
    """Join paths and prefetches for `serializer` over rows of `model`."""
    joins: set[str] = set()
    prefetches: list[Any] = []
    for field in serializer.fields.values():  # type: ignore[attr-defined]
        if field.write_only:
            continue
        child = getattr(field, "child", None) or getattr(field, "child_relation", None)
        for path in _sources(field):
            name = path.partition("__")[0]
            relation = _relation(model, name)
            if relation is None:
                continue
            if isinstance(field, serializers.PrimaryKeyRelatedField) and path == name:
                continue
            forward = _forward(model, path)
            if forward:
                joins.add(prefix + forward)
                if isinstance(field, serializers.ModelSerializer):
                    deeper, more = relations_of(
                        relation.related_model, field, f"{prefix}{forward}__"
                    )
                    joins |= deeper
                    prefetches += more
            else:
                prefetches.append(_prefetch(relation, prefix + name, child))
    return joins, prefetches


def _prefetch(relation: Any, path: str, child: Any) -> Any:
    queryset = relation.related_model._default_manager.all()
    if not isinstance(child, serializers.ModelSerializer):
        return Prefetch(path, queryset=queryset)
    meta: Any = child.Meta
    queryset = for_serializer(queryset, child).filter(getattr(meta, "shown", Q()))
    ordering, most = getattr(meta, "ordering", None), getattr(meta, "most", None)
    if ordering:
        queryset = queryset.order_by(*ordering)
    if most is not None:
        # Numbered within each parent, by the database: a slice would be of all parents' rows.
        place = Window(RowNumber(), partition_by=relation.field.attname, order_by=ordering)
        queryset = queryset.alias(place=place).filter(place__lte=most)
    return Prefetch(path, queryset=queryset)


def _unread(model: type[Model], joins: set[str]) -> list[str]:
    """Columns of joined people that nobody shows, their password above all."""
    return [
        f"{path}__{field.attname}"
        for path in sorted(joins)
        if issubclass(target := _target(model, path), User)
        for field in target._meta.concrete_fields
        if field.name not in User.SHOWN
    ]


def _target(model: type[Model], path: str) -> type[Model]:
    for part in path.split("__"):
        model = _relation(model, part).related_model
    return model


def for_serializer(
    queryset: QuerySet[Any], serializer: serializers.BaseSerializer
) -> QuerySet[Any]:
    """`queryset` with every join and prefetch that `serializer` shows."""
    joins, prefetches = relations_of(queryset.model, serializer)
    if joins:
        queryset = queryset.select_related(*sorted(joins)).defer(*_unread(queryset.model, joins))
    return queryset.prefetch_related(*prefetches) if prefetches else queryset

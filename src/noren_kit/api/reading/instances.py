"""What a serializer shows of an instance at hand, without asking anew for each row how.

The framework looks for each attribute by a loop that also knows mappings, methods and defaults.
Most are plain attributes: those are taken as such, and whatever else turns up is left to it.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models.manager import BaseManager
from rest_framework import serializers
from rest_framework.fields import SkipField
from rest_framework.relations import PKOnlyObject

Show = Callable[[Any], Any]
_ABSENT = (AttributeError, KeyError, ObjectDoesNotExist)


def shower_of(serializer: serializers.BaseSerializer) -> Show:
    """The same as the serializer's `to_representation`, which must not depend on its context."""
    own: Show = serializer.to_representation
    if isinstance(serializer, serializers.ListSerializer):
        if type(serializer).to_representation is serializers.ListSerializer.to_representation:
            child: Any = serializer.child
            return _of_many(shower_of(child))
        return own
    if (
        not isinstance(serializer, serializers.Serializer)
        or type(serializer).to_representation is not serializers.Serializer.to_representation
    ):
        return own
    parts = [
        (str(field.field_name), *_getters(field), _shower(field))
        for field in serializer._readable_fields
    ]

    def show(instance: Any) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for name, plain, usual, show_value in parts:
            try:
                value = plain(instance)
                if callable(value):
                    value = usual(instance)
            except SkipField:
                continue
            except _ABSENT:
                try:
                    value = usual(instance)
                except SkipField:
                    continue
            known = value.pk if isinstance(value, PKOnlyObject) else value
            shown[name] = None if known is None else show_value(value)
        return shown

    return show


def _of_many(show: Show) -> Show:
    def show_all(rows: Any) -> list[Any]:
        return [show(row) for row in (rows.all() if isinstance(rows, BaseManager) else rows)]

    return show_all


def _shower(field: serializers.Field) -> Show:
    if isinstance(field, serializers.BaseSerializer):
        return shower_of(field)
    own: Show = field.to_representation
    return str if type(field).to_representation is serializers.CharField.to_representation else own


def _getters(field: serializers.Field) -> tuple[Show, Show]:
    """What takes a plain attribute, and the framework's way, for where there is none."""
    usual: Show = field.get_attribute
    if isinstance(field, serializers.ListSerializer) and len(field.source_attrs) == 1:
        return _fetched_before(field.source_attrs[0], usual), usual
    if type(field).get_attribute is not serializers.Field.get_attribute:
        return usual, usual
    if not field.source_attrs:
        return _itself, usual
    return attrgetter(".".join(field.source_attrs)), usual


def _itself(instance: Any) -> Any:
    return instance


def _fetched_before(name: str, usual: Show) -> Show:
    """Rows that were fetched with the instance, without a manager for them."""

    def get(instance: Any) -> Any:
        rows = getattr(instance, "_prefetched_objects_cache", {}).get(name)
        return usual(instance) if rows is None else rows

    return get

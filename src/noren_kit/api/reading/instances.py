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
        (str(field.field_name), _getter(field), _shower(field))
        for field in serializer._readable_fields
    ]

    def show(instance: Any) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for name, get, show_value in parts:
            try:
                value = get(instance)
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
    return (
        shower_of(field)
        if isinstance(field, serializers.BaseSerializer)
        else (field.to_representation)
    )


def _getter(field: serializers.Field) -> Show:
    usual: Show = field.get_attribute
    if type(field).get_attribute is not serializers.Field.get_attribute:
        return usual
    if not field.source_attrs:
        return lambda instance: instance
    plain = attrgetter(".".join(field.source_attrs))

    def get(instance: Any) -> Any:
        try:
            value = plain(instance)
        except (AttributeError, KeyError, ObjectDoesNotExist):
            return usual(instance)
        return usual(instance) if callable(value) else value

    return get

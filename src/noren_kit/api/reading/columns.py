"""How each kind of column leaves PostgreSQL, and what the API shows of it.

A column travels as something JSON has too (text, number, boolean), so that it may stand in a row
or inside an aggregate of rows. Most of it is then shown as it came; what a serializer's field
does with its value otherwise is done here for the kinds that are frequent, and by the field
itself for all others.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import orjson
from django.contrib.postgres.fields import ArrayField
from django.db import models
from rest_framework import serializers
from rest_framework.settings import api_settings

from noren_kit.api.fields import AmountField
from noren_kit.core import context
from noren_kit.core.money import decimals_of, format_amount
from noren_kit.db.fields import FixedPointField, MoneyField

Convert = Callable[[Any], Any]

_MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"
_MOMENT_SQL = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"


class NotCompilable(Exception):
    """What a serializer shows can't be said as one statement; the message says why."""


@dataclass(frozen=True, slots=True)
class Wire:
    """`sql` holds the column at `{}`; `load` makes Python's value of what arrives, if not null."""

    sql: str = "{}"
    load: Convert | None = None


# The first that fits holds; the kinds below it are among those above.
_WIRES: tuple[tuple[tuple[type[models.Field[Any, Any]], ...], Wire], ...] = (
    ((models.UUIDField,), Wire("{}::text", uuid.UUID)),
    ((models.DateTimeField,), Wire(_MOMENT_SQL, dt.datetime.fromisoformat)),
    ((models.DateField,), Wire("to_char({}, 'YYYY-MM-DD')", dt.date.fromisoformat)),
    ((models.DecimalField,), Wire("{}::text", Decimal)),
    ((models.JSONField,), Wire("{}::text", json.loads)),
    ((ArrayField,), Wire("to_json({})::text", orjson.loads)),
    ((models.CharField, models.TextField, models.IntegerField, models.BooleanField), Wire()),
)


def wire_of(column: models.Field[Any, Any]) -> Wire:
    """How a column travels; raises `NotCompilable` for kinds of columns that are not known."""
    if isinstance(column, models.ForeignKey):
        return wire_of(column.target_field)
    if isinstance(column, models.JSONField) and column.decoder is not None:
        return Wire("{}::text", partial(json.loads, cls=column.decoder))
    if isinstance(column, FixedPointField):
        return Wire(load=lambda value: column.from_db_value(value, None, None))
    for kinds, wire in _WIRES:
        if isinstance(column, kinds):
            return wire
    raise NotCompilable(f"{column} is a {type(column).__name__}")


def _amount(thousandths: int) -> str:
    """What `AmountField` shows of a stored amount in the entered tenant's currency."""
    currency = context.tenant().currency
    decimals = decimals_of(currency)
    units, rest = divmod(thousandths, 1000)
    fraction, finer = divmod(rest, 10 ** (3 - decimals))
    if thousandths < 0 or finer:
        return format_amount(Decimal(thousandths).scaleb(-MoneyField.places), currency)
    return f"{units}.{fraction:0{decimals}d}" if decimals else str(units)


def _hundredths(value: int) -> str:
    sign, (units, rest) = "-" if value < 0 else "", divmod(abs(value), 100)
    return f"{sign}{units}.{rest:02d}"


_TEXTS = (models.CharField, models.TextField)
# What a serializer's field shows of columns of these kinds just as they travel.
_AS_THEY_TRAVEL: dict[Any, tuple[type[models.Field[Any, Any]], ...]] = {
    serializers.CharField.to_representation: _TEXTS,
    serializers.ChoiceField.to_representation: _TEXTS,
    serializers.IntegerField.to_representation: (models.IntegerField,),
    serializers.BooleanField.to_representation: (models.BooleanField,),
    serializers.UUIDField.to_representation: (models.UUIDField,),
    serializers.PrimaryKeyRelatedField.to_representation: (models.UUIDField,),
}


def _travels_as_shown(shown: serializers.Field, column: models.Field[Any, Any]) -> bool:
    if isinstance(column, FixedPointField):
        return False
    method = type(shown).to_representation
    if method is serializers.DateTimeField.to_representation:
        stated = getattr(shown, "format", api_settings.DATETIME_FORMAT)
        return isinstance(column, models.DateTimeField) and stated == _MOMENT
    if method is serializers.DecimalField.to_representation and isinstance(
        shown, serializers.DecimalField
    ):
        places = getattr(column, "decimal_places", None)
        plain = not (shown.localize or shown.normalize_output)
        coerced = getattr(shown, "coerce_to_string", api_settings.COERCE_DECIMAL_TO_STRING)
        return plain and coerced and shown.decimal_places == places
    if getattr(shown, "pk_field", None) is not None:
        return False
    return isinstance(column, _AS_THEY_TRAVEL.get(method, ()))


def show_of(shown: serializers.Field, column: models.Field[Any, Any]) -> Convert | None:
    """What makes of a travelled value, if not null, what `shown` does; None where nothing need be.

    `shown` is bound to its serializer; `column` is no foreign key.
    """
    if isinstance(shown, AmountField) and isinstance(column, MoneyField):
        return _amount
    if (
        isinstance(column, FixedPointField)
        and type(shown).to_representation is serializers.DecimalField.to_representation
        and column.places == getattr(shown, "decimal_places", None) == 2
    ):
        return _hundredths
    if _travels_as_shown(shown, column):
        return None
    load = wire_of(column).load
    if load is None:
        return shown.to_representation
    return lambda value: shown.to_representation(load(value))

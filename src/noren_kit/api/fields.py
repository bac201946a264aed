"""Serializer fields of the kit."""

from __future__ import annotations

import re
import unicodedata
import uuid
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from noren_kit.core import context
from noren_kit.core.money import decimals_of, format_amount

_PLAIN_NUMBER = re.compile(r"[+-]?\d{1,20}(\.\d{1,20})?\Z", re.ASCII)
# Controls and surrogates never belong to text; line breaks and tabs only to long text.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_BREAKS = re.compile(r"[\t\n\r\u2028\u2029]")


class TextField(serializers.CharField):
    """Text in NFC (Unicode Standard Annex 15), trimmed, without control characters."""

    default_error_messages = {
        "control_character": _("Control characters are not allowed."),
        "not_text": _("Give text."),
    }

    def __init__(self, *, multiline: bool = False, **kwargs: Any) -> None:
        self.multiline = multiline
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("not_text")
        text = unicodedata.normalize("NFC", super().to_internal_value(data))
        if _CONTROLS.search(text) or (not self.multiline and _BREAKS.search(text)):
            self.fail("control_character")
        return text


class DecimalTextField(serializers.DecimalField):
    """A decimal number given as a plain numeral, in text or as a JSON number."""

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, bool | float) or not isinstance(data, str | int | Decimal):
            self.fail("invalid")
        text = format(data, "f") if isinstance(data, Decimal) else str(data)
        if len(text) > self.MAX_STRING_LENGTH:
            self.fail("max_string_length", max_length=self.MAX_STRING_LENGTH)
        if not _PLAIN_NUMBER.match(text.strip()):
            self.fail("invalid")
        return super().to_internal_value(text)


@extend_schema_field({"type": "string", "format": "decimal", "example": "150.00"})
class AmountField(DecimalTextField):
    """An amount of money in the tenant's currency, at most as fine as the currency is.

    Shown with the currency's decimals: `"150.00"` in dollars, `"150"` in yen.
    """

    default_error_messages = {
        "too_fine": _("Amounts in %(currency)s have at most %(decimals)s decimals."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=13, decimal_places=3, **kwargs)

    def to_internal_value(self, data: Any) -> Decimal:
        amount = super().to_internal_value(data)
        currency = context.tenant().currency
        decimals = decimals_of(currency)
        if amount != round(amount, decimals):
            message = self.error_messages["too_fine"] % {
                "currency": currency,
                "decimals": decimals,
            }
            raise serializers.ValidationError(message, code="too_fine")
        return amount

    def to_representation(self, value: Any) -> Any:
        if value is None:
            return None
        return format_amount(Decimal(value), context.tenant().currency)


class QuantityField(serializers.IntegerField):
    """A whole number given as a JSON number; text and fractions are refused."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class FlagField(serializers.BooleanField):
    """`true` or `false` and nothing that merely looks like them."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class RelatedIdField(serializers.PrimaryKeyRelatedField):
    """The id of another row of the tenant; a foreign and an unknown id answer alike."""

    default_error_messages = {
        "does_not_exist": _("There is no such object."),
        "incorrect_type": _("Give an id."),
    }

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("incorrect_type", data_type=type(data).__name__)
        try:
            identifier = uuid.UUID(data)
        except ValueError:
            self.fail("does_not_exist", pk_value=data)
        return super().to_internal_value(identifier)


_PERSON = {
    "type": ["object", "null"],
    "properties": {"id": {"type": "string", "format": "uuid"}, "name": {"type": "string"}},
    "required": ["id", "name"],
}


@extend_schema_field(_PERSON)
class PersonField(serializers.Field):
    """Who made or changed a row: `{id, name}` or null."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: Any) -> dict[str, str]:
        return {"id": str(value.id), "name": value.display_name}


def computed(
    reads: list[str], field: serializers.Field | type[serializers.Field] | OpenApiTypes | Any
) -> Any:
    """Marks a serializer method as a computed field: what it reads, and how its value looks.

    `reads` are paths from the row (`"category"`, `"stock_item"`); they are joined or
    prefetched wherever the field is shown.
    """

    def mark(method: Any) -> Any:
        method.reads = reads
        return extend_schema_field(field)(method)

    return mark

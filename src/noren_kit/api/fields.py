"""Serializer fields of the kit."""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from noren_kit.accounts.row_rules import readable, reads_all
from noren_kit.api.parameters import parse_id
from noren_kit.api.registry import rules_of
from noren_kit.core import context
from noren_kit.core.money import decimals_of, format_amount
from noren_kit.softdelete.deleting import hold_all_live, hold_live
from noren_kit.tenancy.models import TenantModel

_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?\Z")
# JSON numbers past this size are not amounts of anything, and costly to write out.
_MOST_DIGITS = 40
# Controls and surrogates never belong to text; line breaks and tabs only to long text.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_BREAKS = re.compile(r"[\t\n\r\u2028\u2029]")
# Letters and marks that show nothing, beside the format characters (category Cf).
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def _shows_nothing(character: str) -> bool:
    return unicodedata.category(character) in ("Cf", "Zs") or character in _BLANKS


class StringField(serializers.CharField):
    """Text exactly as it was given; nothing else is turned into text."""

    default_error_messages = {"not_text": _("Give text.")}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("not_text")
        return str(super().to_internal_value(data))


class TextField(StringField):
    """Text in NFC (Unicode Standard Annex 15), trimmed, without control characters.

    Any script and direction is text, joiners and direction marks included. Text of which
    nothing shows counts as blank. An `identifier` holds no format characters at all, so that
    two of them that look alike are alike.
    """

    default_error_messages = {
        "control_character": _("Control characters are not allowed."),
        "format_character": _("Invisible characters are not allowed."),
    }

    def __init__(self, *, multiline: bool = False, identifier: bool = False, **kwargs: Any) -> None:
        self.multiline, self.identifier = multiline, identifier
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = unicodedata.normalize("NFC", super().to_internal_value(data))
        if _CONTROLS.search(text) or (not self.multiline and _BREAKS.search(text)):
            self.fail("control_character")
        if not self.multiline and all(map(_shows_nothing, text)):
            self.fail("blank")
        if self.identifier and any(unicodedata.category(each) == "Cf" for each in text):
            self.fail("format_character")
        return text


class EmailField(TextField, serializers.EmailField):
    """An e-mail address, in NFC and trimmed."""


class SlugField(TextField, serializers.SlugField):
    """A short name of ASCII letters, digits, hyphens and underscores; spaces are not trimmed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "trim_whitespace": False})


def _numeral(data: Any) -> str | None:
    """A JSON value as a numeral, None where it is neither a number nor text.

    `Decimal("1e-999999")` is short, and its numeral a megabyte: the exponent is looked at first.
    """
    if isinstance(data, str):
        return data
    if isinstance(data, bool) or not isinstance(data, int | Decimal):
        return None
    number = Decimal(data)
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
        return None
    return format(number, "f")


class DecimalTextField(serializers.DecimalField):
    """A decimal number given as a plain numeral, in text or as a JSON number."""

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        """Empty text is no number, and no null either, which DRF takes it for."""
        return serializers.Field.validate_empty_values(self, data)

    def to_internal_value(self, data: Any) -> Decimal:
        text = _numeral(data)
        if text is None or not _PLAIN_NUMBER.match(text):
            self.fail("invalid")
        number = super().to_internal_value(text)
        return number if number else abs(number)  # No negative zero.


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
    """A whole number given as a JSON number (`5` or `5.0`); text and fractions are refused."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, Decimal) and data.is_finite() and abs(data.adjusted()) <= _MOST_DIGITS:
            data = int(data) if data == int(data) else None
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class FlagField(serializers.BooleanField):
    """`true` or `false` and nothing that merely looks like them."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


def hold_all_readable(model: type[TenantModel], pks: Collection[uuid.UUID]) -> dict[uuid.UUID, Any]:
    """The rows of these ids by id, each as `hold_readable` finds one; one or two statements."""
    rules = rules_of(model)
    if not reads_all(rules, model):
        rows = model._default_manager.all()
        pks = list(readable(rules, rows).filter(pk__in=pks).values_list("pk", flat=True))
    return hold_all_live(model, pks)


def hold_readable(model: type[TenantModel], pk: uuid.UUID) -> Any:
    """The live row of that id, None where there is none or the caller may not read it.

    The row is held: until the transaction ends nobody deletes it.
    """
    rules = rules_of(model)
    if not reads_all(rules, model):
        rows = model._default_manager.all()
        if not readable(rules, rows).filter(pk=pk).exists():
            return None
    return hold_live(model, pk)


# In a serializer's context: rows that many bodies name, by field and id, already looked up.
FOUND_ROWS = "found_rows"


class RelatedIdField(serializers.PrimaryKeyRelatedField):
    """The id of another row of the tenant; a foreign and an unknown id answer alike.

    So does the id of a row that its resource's rules keep from the caller. The row is held:
    between this look and the commit nobody deletes it.
    """

    default_error_messages = {
        "does_not_exist": _("There is no such object."),
        "incorrect_type": _("Give an id."),
    }

    def run_validation(self, data: Any = empty) -> Any:
        if data == "":  # The framework would read it as null.
            self.fail("does_not_exist", pk_value=data)
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("incorrect_type", data_type=type(data).__name__)
        identifier = parse_id(data)
        # Not `get_queryset()`, which would make a queryset for the sake of its model.
        model: Any = self.queryset.model  # type: ignore[arg-type,union-attr]
        if identifier is None:
            self.fail("does_not_exist", pk_value=data)
        found = self.context.get(FOUND_ROWS, {}).get(self.field_name)
        if found is None and not issubclass(model, TenantModel):
            return super().to_internal_value(identifier)
        held = hold_readable(model, identifier) if found is None else found.get(identifier)
        if held is None:
            self.fail("does_not_exist", pk_value=data)
        return held

    def find_all(self, identifiers: Collection[uuid.UUID]) -> dict[uuid.UUID, Any]:
        """The rows of many ids at once, by id, each as it would be found by itself."""
        model: Any = self.queryset.model  # type: ignore[arg-type,union-attr]
        if issubclass(model, TenantModel):
            return hold_all_readable(model, identifiers)
        rows: Any = self.get_queryset()
        return {row.pk: row for row in rows.filter(pk__in=identifiers)}


class IdField(serializers.UUIDField):
    """An id as text; whose it is, the service judges."""

    def to_internal_value(self, data: Any) -> uuid.UUID:
        identifier = parse_id(data) if isinstance(data, str) else None
        if identifier is None:
            self.fail("invalid", value=data)
        return identifier


_PERSON = {
    "type": ["object", "null"],
    "properties": {"id": {"type": "string", "format": "uuid"}, "name": {"type": "string"}},
    "required": ["id", "name"],
}


@extend_schema_field(_PERSON, component_name="Person")
class PersonField(serializers.Field):
    """Who made or changed a row: `{id, name}` or null."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "read_only": True})

    def to_representation(self, value: Any) -> dict[str, str]:
        return self.represent(value.id, value.username, value.name)

    @staticmethod
    def represent(identifier: uuid.UUID | str, username: str, name: str) -> dict[str, str]:
        """The person with these columns."""
        return {"id": str(identifier), "name": name or username}


@extend_schema_field({"type": "string"})
class SlugsField(serializers.SlugRelatedField):
    """With `many=True`: one text of each related row, in its own order.

    The path may lead over foreign keys: `SlugsField("role__slug", source="held", many=True)`.
    """


class ComputedField(serializers.Field):
    """A value made from other columns by a function of their values.

    `price_with_tax = ComputedField(with_tax, reads=["price", "category.tax_rate"],
    shown_as=AmountField())`. `reads` are paths of columns from the row; what lies behind a
    relation that is null arrives as None. The function is called with the columns' values, in
    their order, and `shown_as` shows what it returns. It must follow from them alone, and from
    the entered tenant's settings.
    """

    def __init__(
        self,
        make: Callable[..., Any],
        *,
        reads: Sequence[str],
        shown_as: serializers.Field,
        **kwargs: Any,
    ) -> None:
        self.make, self.reads, self.shown_as = make, tuple(reads), shown_as
        super().__init__(**{**kwargs, "source": "*", "read_only": True})

    def shown(self, value: Any) -> Any:
        """`value` as the API shows it."""
        return None if value is None else self.shown_as.to_representation(value)

    def to_representation(self, row: Any) -> Any:
        return self.shown(self.make(*[_value_at(row, path) for path in self.reads]))


def _value_at(row: Any, path: str) -> Any:
    for part in path.split("."):
        row = None if row is None else getattr(row, part)
    return row

"""New prices of many products at once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from noren.catalog.models import PRICE_MAX, PRICE_MIN
from noren_kit.api.bulk.versions import version_field
from noren_kit.api.fields import AmountField, DecimalTextField, FlagField, IdField
from noren_kit.api.serializers import StrictSerializer


class NewPriceSerializer(StrictSerializer):
    """A product and its new price."""

    id = IdField()
    version = version_field()
    price = AmountField(min_value=PRICE_MIN, max_value=PRICE_MAX)


@extend_schema_field({"type": ["string", "number", "boolean"]})
class FilterValueField(serializers.Field):
    """A value as it would stand in a query: text, a number, true or false."""

    default_error_messages = {"invalid": _("Give text, a number, true or false.")}

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, bool):
            return "true" if data else "false"
        if not isinstance(data, str | int | Decimal):
            self.fail("invalid")
        return str(data)

    def to_representation(self, value: Any) -> Any:
        return value


class PriceRuleSerializer(StrictSerializer):
    """Which products, by the filters of their list, and what becomes of their prices."""

    filter = serializers.DictField(
        child=FilterValueField(), help_text="Filters of the list of products; none mean all."
    )
    percent = DecimalTextField(
        max_digits=7,
        decimal_places=3,
        min_value=Decimal("-99.999"),
        max_value=Decimal(1_000),
        required=False,
        help_text="Added to each price: `-10` takes a tenth off.",
    )
    amount = AmountField(
        min_value=-PRICE_MAX, max_value=PRICE_MAX, required=False, help_text="Added to each price."
    )
    dry_run = FlagField(default=False, help_text="Say what would be done, and do nothing.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("percent" in attrs) == ("amount" in attrs):
            raise serializers.ValidationError(
                _("Give either a percentage or an amount."), code="either"
            )
        return attrs


class RepricedSerializer(serializers.Serializer):
    """A price before and afterwards."""

    id = serializers.UUIDField()
    previous_price = AmountField()
    price = AmountField()


class PriceUpdateSerializer(serializers.Serializer):
    """What was done. Of many, the first results and errors are listed; the counts are of all."""

    updated_count = serializers.IntegerField()
    results = RepricedSerializer(many=True)
    errors: Any = serializers.DictField(
        child=serializers.JSONField(),
        help_text="By the row's place in the request, or by the product's id where it was found.",
    )
    error_count = serializers.IntegerField()
    dry_run = serializers.BooleanField()

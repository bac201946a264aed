"""What happens to an order after it was placed, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from noren.inventory.services import MAX_QUANTITY
from noren.orders.models import Order, OrderReturn, ReturnLine, ReturnTax
from noren.orders.queries import TIMELINE_KINDS
from noren.orders.services import ReturnedItem
from noren_kit.api.fields import (
    AmountField,
    FlagField,
    IdField,
    PersonField,
    QuantityField,
    TextField,
)
from noren_kit.api.serializers import ResourceSerializer, StrictSerializer

MAX_ITEMS = 1_000
_SMALLEST = Decimal("0.001")
_TEXT = 200


class PaySerializer(StrictSerializer):
    """Money that came in, and its name in the system that took it."""

    amount = AmountField(min_value=_SMALLEST)
    reference = TextField(max_length=_TEXT)


class RefundSerializer(StrictSerializer):
    """Money that went back, and why."""

    amount = AmountField(min_value=_SMALLEST)
    reason = TextField(max_length=_TEXT)


class ReturnedItemSerializer(StrictSerializer):
    """Units of one of the order's items, by the item's id."""

    item_id = IdField()
    quantity = QuantityField(min_value=1, max_value=MAX_QUANTITY)


class ReturnSerializer(StrictSerializer):
    """Goods that came back: all that is left of the order where no items are named."""

    items: Any = ReturnedItemSerializer(  # type: ignore[call-arg]
        many=True, allow_empty=False, max_length=MAX_ITEMS, required=False
    )
    restock = FlagField()
    reason = TextField(max_length=_TEXT)


def returned_items(stated: Sequence[Mapping[str, Any]]) -> list[ReturnedItem]:
    """The items that a valid `ReturnSerializer` names."""
    return [ReturnedItem(item["item_id"], item["quantity"]) for item in stated]


class ReturnLineSerializer(serializers.ModelSerializer):
    item_id = serializers.UUIDField(source="order_line_id", read_only=True)

    class Meta:
        model = ReturnLine
        fields = ["item_id", "quantity"]


class ReturnTaxSerializer(serializers.ModelSerializer):
    net = AmountField(read_only=True)
    tax = AmountField(read_only=True)
    gross = AmountField(read_only=True)

    class Meta:
        model = ReturnTax
        fields = ["rate", "reduced", "net", "tax", "gross"]


class OrderReturnSerializer(ResourceSerializer):
    """A return with its units, and what they had been charged at."""

    items = ReturnLineSerializer(source="lines", many=True, read_only=True)
    tax_breakdown = ReturnTaxSerializer(source="taxes", many=True, read_only=True)

    class Meta:
        model = OrderReturn
        fields = [
            "restock",
            "external_number",
            "reason",
            "net",
            "tax",
            "gross",
            "items",
            "tax_breakdown",
            "created_at",
            "created_by",
        ]
        read_only_fields = fields


class TimelineEntrySerializer(serializers.Serializer):
    """One thing that happened; what does not concern its kind is null."""

    kind = serializers.ChoiceField(choices=TIMELINE_KINDS)
    at = serializers.DateTimeField()
    by = PersonField(allow_null=True)
    request_id = serializers.CharField(allow_null=True)
    from_status = serializers.ChoiceField(choices=Order.Status.choices, allow_null=True)
    to_status = serializers.ChoiceField(choices=Order.Status.choices, allow_null=True)
    amount = AmountField(allow_null=True)
    reference = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    return_id = serializers.UUIDField(allow_null=True)


class TimelineSerializer(serializers.Serializer):
    """What happened to an order, oldest first."""

    results = TimelineEntrySerializer(many=True)

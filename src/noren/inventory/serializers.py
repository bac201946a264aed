"""Stock over HTTP: what there is, how it is changed, how it came about."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from noren.inventory.models import StockMovement
from noren.inventory.queries import AVAILABILITIES, availability_of, units_available
from noren.inventory.services import MAX_QUANTITY
from noren_kit.api.fields import ComputedField, FlagField, QuantityField, TextField
from noren_kit.api.serializers import ResourceSerializer, StrictSerializer

_COUNTERS = ["stock_item.on_hand", "stock_item.reserved"]


def stock_quantity_field() -> ComputedField:
    """Units that may be sold of what holds a `stock_item`."""
    return ComputedField(units_available, reads=_COUNTERS, shown_as=serializers.IntegerField())


def availability_field() -> ComputedField:
    """The availability of what holds a `stock_item`."""
    shown = serializers.ChoiceField(choices=AVAILABILITIES)
    return ComputedField(availability_of, reads=_COUNTERS, shown_as=shown)


def backorder_field() -> ComputedField:
    """Whether more may be sold than there is of what holds a `stock_item`."""
    return ComputedField(bool, reads=["stock_item.backorder"], shown_as=serializers.BooleanField())


def written_backorder_field() -> FlagField:
    return FlagField(required=False, help_text="More may be sold than there is in stock.")


class StockSerializer(serializers.Serializer):
    """Units that may be sold; of those on hand, some may be held by reservations."""

    in_stock = serializers.BooleanField()
    quantity = serializers.IntegerField()
    availability_status = serializers.ChoiceField(choices=AVAILABILITIES)
    on_hand = serializers.IntegerField()
    reserved = serializers.IntegerField()


class AdjustStockSerializer(StrictSerializer):
    """Either `delta`, or `set_to` together with `expected_quantity`: both of what is on hand."""

    delta = QuantityField(min_value=-MAX_QUANTITY, max_value=MAX_QUANTITY, required=False)
    set_to = QuantityField(min_value=0, max_value=MAX_QUANTITY, required=False)
    expected_quantity = QuantityField(
        min_value=-MAX_QUANTITY, max_value=MAX_QUANTITY, required=False
    )
    reason = TextField(max_length=200)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("delta" in attrs) == ("set_to" in attrs):
            raise serializers.ValidationError(_("Give delta or set_to."), code="one_of")
        if ("set_to" in attrs) != ("expected_quantity" in attrs):
            raise serializers.ValidationError(
                {"expected_quantity": _("set_to and expected_quantity go together.")},
                code="required",
            )
        return attrs


class StockMovementSerializer(ResourceSerializer):
    class Meta:
        model = StockMovement
        fields = [
            "kind",
            "quantity",
            "reason",
            "cause_type",
            "cause_id",
            "created_at",
            "created_by",
        ]
        read_only_fields = fields

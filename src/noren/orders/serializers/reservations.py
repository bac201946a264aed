"""Reservations over HTTP."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from noren.orders.models import Reservation, ReservedLine
from noren.orders.serializers.orders import MAX_LINES, NewLineSerializer, new_lines
from noren.orders.services import EXPIRED, reserve, shown_status
from noren_kit.api.fields import ComputedField, QuantityField, TextField
from noren_kit.api.serializers import ResourceSerializer, StrictSerializer

MOST_SECONDS = 86_400
STATUSES = [*Reservation.Status.values, EXPIRED]


class ReservedLineSerializer(serializers.ModelSerializer):
    product_id = serializers.UUIDField(read_only=True)
    variant_id = serializers.UUIDField(read_only=True, allow_null=True)

    class Meta:
        model = ReservedLine
        fields = ["product_id", "variant_id", "quantity"]


class ReservationSerializer(ResourceSerializer):
    """Goods that are held until `expires_at`."""

    status = ComputedField(
        shown_status,
        reads=["status", "expires_at"],
        shown_as=serializers.ChoiceField(choices=STATUSES),
    )
    items = ReservedLineSerializer(source="lines", many=True, read_only=True)

    class Meta:
        model = Reservation
        fields = ["status", "expires_at", "reference", "order", "items"]
        read_only_fields = fields


class ReservationWriteSerializer(StrictSerializer):
    """What is to be held, and for how many seconds."""

    items: Any = NewLineSerializer(many=True, allow_empty=False, max_length=MAX_LINES)  # type: ignore[call-arg]
    expires_in = QuantityField(min_value=1, max_value=MOST_SECONDS)
    reference = TextField(max_length=200, allow_blank=True, required=False)

    def create(self, validated_data: dict[str, Any]) -> Reservation:
        return reserve(
            new_lines(validated_data["items"]),
            seconds=validated_data["expires_in"],
            reference=validated_data.get("reference", ""),
        )

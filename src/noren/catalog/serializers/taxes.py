"""Tax classes with their rates by date."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from noren.catalog.models import TaxClass, TaxRate
from noren.catalog.services import save_tax_class
from noren_kit.api.fields import DecimalTextField
from noren_kit.api.serializers import ResourceSerializer, StrictSerializer

MOST_RATES = 100


class TaxRateSerializer(serializers.ModelSerializer):
    class Meta:
        model = TaxRate
        fields = ["valid_from", "rate"]


class TaxClassSerializer(ResourceSerializer):
    rates = TaxRateSerializer(many=True, read_only=True)

    class Meta:
        model = TaxClass
        fields = ["code", "name", "rates"]


class NewRateSerializer(StrictSerializer):
    """A rate in per cent, from a day on."""

    valid_from = serializers.DateField()
    rate = DecimalTextField(
        max_digits=5, decimal_places=2, min_value=Decimal(0), max_value=Decimal(100)
    )


class TaxClassWriteSerializer(ResourceSerializer):
    """`rates` replaces all that there were."""

    rates: Any = NewRateSerializer(many=True, required=False, max_length=MOST_RATES)  # type: ignore[call-arg]

    class Meta:
        model = TaxClass
        fields = ["code", "name", "rates"]

    def create(self, validated_data: dict[str, Any]) -> TaxClass:
        return save_tax_class(values=validated_data)

    def update(self, instance: TaxClass, validated_data: dict[str, Any]) -> TaxClass:
        return save_tax_class(tax_class=instance, values=validated_data)

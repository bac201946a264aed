"""Variants: a resource of their own, and a short form inside their product."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from noren.catalog.models import Variant
from noren.catalog.services import (
    create_variant,
    create_variants,
    update_variant,
    update_variants,
)
from noren.inventory.serializers import (
    availability_field,
    backorder_field,
    stock_quantity_field,
    written_backorder_field,
)
from noren.inventory.services import MAX_QUANTITY
from noren_kit.api.fields import AmountField, ComputedField, QuantityField, TextField
from noren_kit.api.serializers import ResourceSerializer

MAX_OPTIONS = 10


class OptionsField(serializers.DictField):
    """Up to ten options and their values: `{"size": "M", "colour": "red"}`."""

    default_error_messages = {
        "too_many": _("Give at most %(most)s options."),
        "repeated": _("Two options have the same name."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=TextField(max_length=100), **kwargs)
        self.name = TextField(max_length=50)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if isinstance(data, dict) and len(data) > MAX_OPTIONS:
            message = self.error_messages["too_many"] % {"most": MAX_OPTIONS}
            raise serializers.ValidationError(message, code="too_many")
        values: dict[str, str] = super().to_internal_value(data)
        named = {self.name.run_validation(name): value for name, value in values.items()}
        if len(named) < len(values):
            self.fail("repeated")
        return named


def effective_price(own: Decimal | None, of_product: Decimal) -> Decimal:
    return of_product if own is None else own


class _Shown(serializers.Serializer):
    """What a variant shows of its stock."""

    stock_quantity = stock_quantity_field()
    availability_status = availability_field()


def effective_price_field() -> ComputedField:
    """What one pays: the variant's own price, or else that of its product."""
    return ComputedField(effective_price, reads=["price", "product.price"], shown_as=AmountField())


class VariantSerializer(_Shown, ResourceSerializer):
    """`price` is null where the product's own holds; `effective_price` is what one pays."""

    effective_price = effective_price_field()
    options = OptionsField(read_only=True)
    backorder = backorder_field()

    class Meta:
        model = Variant
        fields = [
            "product",
            "name",
            "sku",
            "price",
            "effective_price",
            "is_active",
            "options",
            "stock_quantity",
            "availability_status",
            "backorder",
        ]
        read_only_fields = fields


class VariantWriteSerializer(ResourceSerializer):
    """What a client may write; the product is that of the path."""

    sku = TextField(max_length=50, identifier=True)
    options = OptionsField(required=False)
    stock_quantity = QuantityField(
        min_value=0,
        max_value=MAX_QUANTITY,
        required=False,
        help_text="The opening entry of the ledger; later changes go by `adjust_stock/`.",
    )
    backorder = written_backorder_field()

    class Meta:
        model = Variant
        fields = ["name", "sku", "price", "is_active", "options", "stock_quantity", "backorder"]

    def create(self, validated_data: dict[str, Any]) -> Variant:
        product = validated_data.pop("product")
        return create_variant(product=product, values=validated_data)

    def bulk_create(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        return create_variants(rows=rows)


class VariantChangeSerializer(VariantWriteSerializer):
    """What may be written later: stock has its own ways."""

    stock_quantity = QuantityField(read_only=True)

    def update(self, instance: Variant, validated_data: dict[str, Any]) -> Variant:
        return update_variant(variant=instance, values=validated_data)

    def bulk_update(self, changes: Sequence[tuple[Any, dict[str, Any]]]) -> list[Any]:
        return update_variants(changes=changes)


class ActiveVariantSerializer(_Shown, serializers.ModelSerializer):
    """A variant on sale, as its product shows it; `price` is what one pays."""

    price = effective_price_field()
    options = OptionsField(read_only=True)

    class Meta:
        model = Variant
        fields = [
            "id",
            "name",
            "sku",
            "price",
            "stock_quantity",
            "availability_status",
            "options",
        ]
        shown = Q(is_active=True)
        ordering: ClassVar[list[str]] = ["created_at", "id"]

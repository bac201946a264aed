"""Customers and orders as they look over HTTP."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from noren.inventory.services import MAX_QUANTITY
from noren.orders.models import Customer, Order, OrderLine, OrderTax
from noren.orders.services import NewLine, place_order, place_reserved_order
from noren_kit.accounts.models import User
from noren_kit.api.fields import (
    AmountField,
    ComputedField,
    IdField,
    QuantityField,
    RelatedIdField,
    TextField,
)
from noren_kit.api.serializers import ResourceSerializer, StrictSerializer
from noren_kit.core import context

MAX_LINES = 1_000


class MemberIdField(RelatedIdField):
    """The id of a member of the tenant."""

    def get_queryset(self) -> Any:
        return User.objects.filter(
            memberships__tenant_id=context.tenant_id(), memberships__deleted_at=None
        )


class CustomerSerializer(ResourceSerializer):
    user = MemberIdField(queryset=User.objects.none(), allow_null=True, required=False)

    class Meta:
        model = Customer
        fields = ["name", "email", "company", "tax_number", "user"]


class OrderedProductSerializer(serializers.Serializer):
    """The product as it was when it was ordered."""

    id = serializers.UUIDField(source="product_id")
    name = serializers.CharField()
    price = AmountField(source="unit_price")
    sku = serializers.CharField()


class OrderedVariantSerializer(serializers.Serializer):
    """The variant as it was when it was ordered."""

    id = serializers.UUIDField(source="variant_id")
    name = serializers.CharField(source="variant_name")
    sku = serializers.CharField(source="variant_sku")


def ordered_variant(identifier: uuid.UUID | None, name: str, sku: str) -> dict[str, Any] | None:
    if identifier is None:
        return None
    return {"variant_id": identifier, "variant_name": name, "variant_sku": sku}


class OrderLineSerializer(serializers.ModelSerializer):
    product = OrderedProductSerializer(source="*", read_only=True)
    variant = ComputedField(
        ordered_variant,
        reads=["variant_id", "variant_name", "variant_sku"],
        shown_as=OrderedVariantSerializer(allow_null=True),
    )
    unit_price = AmountField(read_only=True)
    subtotal = AmountField(read_only=True)

    class Meta:
        model = OrderLine
        fields = ["id", "product", "variant", "quantity", "unit_price", "tax_rate", "subtotal"]


class OrderTaxSerializer(serializers.ModelSerializer):
    net = AmountField(read_only=True)
    tax = AmountField(read_only=True)
    gross = AmountField(read_only=True)

    class Meta:
        model = OrderTax
        fields = ["rate", "reduced", "net", "tax", "gross"]


class OrderListSerializer(ResourceSerializer):
    """An order as a row of a list: without its lines."""

    class Meta:
        model = Order
        fields = [
            "kind",
            "order_number",
            "external_number",
            "customer",
            "customer_email",
            "customer_name",
            "status",
            "payment_status",
            "placed_at",
            "item_count",
            "subtotal_amount",
            "discount_amount",
            "tax_amount",
            "total_amount",
            "paid_amount",
            "refunded_amount",
            "returned_amount",
            "currency",
        ]
        read_only_fields = fields
        expandable = {"customer": CustomerSerializer}


class OrderSerializer(OrderListSerializer):
    """An order with its lines and its taxes by rate."""

    items = OrderLineSerializer(source="lines", many=True, read_only=True)
    tax_breakdown = OrderTaxSerializer(source="taxes", many=True, read_only=True)

    class Meta(OrderListSerializer.Meta):
        fields = [
            *OrderListSerializer.Meta.fields,
            "items",
            "tax_breakdown",
            "shipping_address",
            "billing_address",
            "notes",
        ]
        read_only_fields = fields


class NewLineSerializer(StrictSerializer):
    """Units of a product sold by itself, or of one of its variants: one of the two ids."""

    product_id = IdField(required=False)
    variant_id = IdField(required=False)
    quantity = QuantityField(min_value=1, max_value=MAX_QUANTITY)

    def _unwelcome(self, data: Mapping[str, Any]) -> dict[str, Any]:
        faults = super()._unwelcome(data)
        if ("product_id" in data) == ("variant_id" in data):
            name = "variant_id" if "variant_id" in data else "product_id"
            message = str(_("Give product_id or variant_id."))
            faults[name] = [serializers.ErrorDetail(message, "one_of")]
        return faults


class OrderWriteSerializer(StrictSerializer):
    """What it takes to place an order: `items`, a `reservation`, or both."""

    customer = RelatedIdField(queryset=Customer.objects)
    items: Any = NewLineSerializer(  # type: ignore[call-arg]
        many=True, allow_empty=False, max_length=MAX_LINES, required=False
    )
    reservation = IdField(
        required=False, help_text="Takes what it holds; without `items`, all of it."
    )
    discount = AmountField(min_value=Decimal(0), required=False)
    shipping_address = TextField(max_length=1_000, multiline=True, allow_blank=True, required=False)
    billing_address = TextField(max_length=1_000, multiline=True, allow_blank=True, required=False)
    notes = TextField(max_length=1_000, multiline=True, allow_blank=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "items" not in attrs and "reservation" not in attrs:
            message = serializers.Field.default_error_messages["required"]
            raise serializers.ValidationError({"items": message}, code="required")
        return attrs


def new_lines(stated: Sequence[Mapping[str, Any]]) -> list[NewLine]:
    """The lines that valid `NewLineSerializer`s state."""
    return [
        NewLine(item.get("product_id"), item["quantity"], item.get("variant_id")) for item in stated
    ]


def place(stated: Mapping[str, Any], before_locking: Callable[[Order], None]) -> Order:
    """Place the order that a valid `OrderWriteSerializer` states; as `place_order`."""
    texts = ("shipping_address", "billing_address", "notes")
    values = {
        "customer": stated["customer"],
        "lines": new_lines(stated.get("items", ())),
        "discount": stated.get("discount", Decimal(0)),
        "texts": {name: stated[name] for name in texts if name in stated},
        "before_locking": before_locking,
    }
    if "reservation" in stated:
        return place_reserved_order(stated["reservation"], **values)
    return place_order(**values)

"""Products: a row of a list, a detail, and what may be written."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from noren.catalog.models import Product
from noren.catalog.serializers.classification import (
    BrandSerializer,
    CategorySerializer,
    SupplierSerializer,
)
from noren.catalog.serializers.reviews import RecentReviewSerializer
from noren.catalog.serializers.variants import ActiveVariantSerializer
from noren.catalog.services import (
    create_product,
    create_products,
    update_product,
    update_products,
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
from noren_kit.core import context
from noren_kit.core.money import round_amount
from noren_kit.files.keeping import address_of

MAX_TAGS = 50


def price_with_tax(price: Decimal, tax_rate: Decimal) -> Decimal:
    """`price` and the tax at that rate, at the precision and by the rounding of the tenant."""
    tenant = context.tenant()
    if tenant.prices_include_tax:
        return price
    return round_amount(price * (100 + tax_rate) / 100, tenant.currency, tenant.tax_rounding)


class ProductListSerializer(ResourceSerializer):
    """A product as a row of a list: everything but its description."""

    price_with_tax = ComputedField(
        price_with_tax, reads=["price", "category.tax_rate"], shown_as=AmountField()
    )
    category_name = serializers.CharField(source="category.name", read_only=True)
    is_active = ComputedField(
        Product.Status.ACTIVE.__eq__, reads=["status"], shown_as=serializers.BooleanField()
    )
    stock_quantity = stock_quantity_field()
    total_sales = serializers.IntegerField(source="stock_item.sold", read_only=True)
    availability_status = availability_field()
    backorder = backorder_field()
    image_url = ComputedField(
        address_of, reads=["image"], shown_as=serializers.CharField(allow_null=True)
    )
    tags: Any = serializers.SlugRelatedField("name", many=True, read_only=True)

    class Meta:
        model = Product
        fields = [
            "name",
            "sku",
            "price",
            "price_with_tax",
            "category",
            "category_name",
            "brand",
            "supplier",
            "status",
            "is_active",
            "stock_quantity",
            "availability_status",
            "backorder",
            "image_url",
            "tags",
            "review_count",
            "average_rating",
            "total_sales",
        ]
        expandable = {
            "category": CategorySerializer,
            "brand": BrandSerializer,
            "supplier": SupplierSerializer,
        }


class PopularSerializer(serializers.Serializer):
    """What sells best, best first."""

    results = ProductListSerializer(many=True, read_only=True)


class CatalogueFiguresSerializer(serializers.Serializer):
    """The catalogue in figures, as of the last write."""

    total_products = serializers.IntegerField()
    active_products = serializers.IntegerField()
    average_price = AmountField(allow_null=True)
    categories = serializers.IntegerField()
    out_of_stock = serializers.IntegerField()
    low_stock = serializers.IntegerField()


class ProductDetailSerializer(ProductListSerializer):
    """A product with its description, what it is sold as, and what was said of it lately."""

    active_variants = ActiveVariantSerializer(source="variants", many=True, read_only=True)
    recent_reviews = RecentReviewSerializer(source="reviews", many=True, read_only=True)

    class Meta(ProductListSerializer.Meta):
        fields = [
            "description",
            *ProductListSerializer.Meta.fields,
            "active_variants",
            "recent_reviews",
        ]


class ProductWriteSerializer(ResourceSerializer):
    """What a client may write: ids for relations, names for tags."""

    tags = serializers.ListField(
        child=TextField(max_length=50), max_length=MAX_TAGS, required=False
    )
    sku = TextField(max_length=50, identifier=True)
    stock_quantity = QuantityField(
        min_value=0,
        max_value=MAX_QUANTITY,
        required=False,
        help_text="The opening entry of the ledger; later changes go by `adjust_stock/`.",
    )
    backorder = written_backorder_field()

    class Meta:
        model = Product
        fields = [
            "name",
            "description",
            "sku",
            "price",
            "category",
            "brand",
            "supplier",
            "status",
            "tags",
            "stock_quantity",
            "backorder",
        ]

    def create(self, validated_data: dict[str, Any]) -> Product:
        return create_product(values=validated_data)

    def bulk_create(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        return create_products(rows=rows)


class ProductChangeSerializer(ProductWriteSerializer):
    """What may be written later: stock has its own ways."""

    stock_quantity = QuantityField(read_only=True)

    def update(self, instance: Product, validated_data: dict[str, Any]) -> Product:
        return update_product(product=instance, values=validated_data)

    def bulk_update(self, changes: Sequence[tuple[Any, dict[str, Any]]]) -> list[Any]:
        return update_products(changes=changes)

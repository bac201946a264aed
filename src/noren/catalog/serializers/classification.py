"""Categories, brands, suppliers, tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from noren.catalog.models import Brand, Category, Supplier, Tag
from noren.catalog.serializers.taxes import TaxClassSerializer
from noren.catalog.services import create_categories, save_category, update_categories
from noren_kit.api.serializers import ResourceSerializer


class CategorySerializer(ResourceSerializer):
    class Meta:
        model = Category
        fields = ["name", "parent", "tax_class", "tax_rate", "requires_approval"]
        expandable = {"parent": "self", "tax_class": TaxClassSerializer}
        extra_kwargs = {"tax_rate": {"required": False}}

    def create(self, validated_data: dict[str, Any]) -> Category:
        return save_category(values=validated_data)

    def update(self, instance: Category, validated_data: dict[str, Any]) -> Category:
        return save_category(category=instance, values=validated_data)

    def bulk_create(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        return create_categories(rows=rows)

    def bulk_update(self, changes: Sequence[tuple[Any, dict[str, Any]]]) -> list[Any]:
        return update_categories(changes=changes)


class BrandSerializer(ResourceSerializer):
    class Meta:
        model = Brand
        fields = ["name"]


class SupplierSerializer(ResourceSerializer):
    class Meta:
        model = Supplier
        fields = ["code", "name"]


class TagSerializer(ResourceSerializer):
    class Meta:
        model = Tag
        fields = ["name"]

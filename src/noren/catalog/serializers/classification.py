"""Categories, brands, suppliers, tags."""

from __future__ import annotations

from typing import Any

from noren.catalog.models import Brand, Category, Supplier, Tag
from noren.catalog.serializers.taxes import TaxClassSerializer
from noren.catalog.services import save_category
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

"""The filters of the product list."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet

from noren.catalog.models import Product
from noren.catalog.queries import in_category, with_stock
from noren.inventory.queries import AVAILABILITIES
from noren_kit.api.filters import (
    AmountFilter,
    BooleanFilter,
    ChoiceFilter,
    IdFilter,
    NameListFilter,
    ResourceFilterSet,
)


class ProductFilterSet(ResourceFilterSet):
    category = IdFilter(method="by_category")
    brand = IdFilter(field_name="brand_id")
    supplier = IdFilter(field_name="supplier_id")
    tags = NameListFilter(method="by_tags")
    status = ChoiceFilter(choices=Product.Status.choices)
    is_active = BooleanFilter(method="by_activity")
    availability_status = ChoiceFilter(
        choices=[(name, name) for name in AVAILABILITIES], method="by_availability"
    )
    price_min = AmountFilter(field_name="price", lookup_expr="gte")
    price_max = AmountFilter(field_name="price", lookup_expr="lte")

    reads = {
        "category": ["category__parent"],
        "tags": ["tags__name"],
        "is_active": ["status"],
        "availability_status": ["stock_item__on_hand"],
    }

    class Meta:
        model = Product
        fields: list[str] = []

    def by_category(self, queryset: QuerySet[Any], name: str, value: uuid.UUID) -> Any:
        return in_category(queryset, value)

    def by_tags(self, queryset: QuerySet[Any], name: str, value: list[str]) -> Any:
        for tag in value:
            queryset = queryset.filter(tag_links__tag__name=tag, tag_links__tag__deleted_at=None)
        return queryset

    def by_activity(self, queryset: QuerySet[Any], name: str, value: bool) -> Any:
        active = Product.Status.ACTIVE
        return queryset.filter(status=active) if value else queryset.exclude(status=active)

    def by_availability(self, queryset: QuerySet[Any], name: str, value: str) -> Any:
        return with_stock(queryset).filter(availability_status=value)

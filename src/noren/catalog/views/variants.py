"""Variants of a product."""

from __future__ import annotations

from noren.catalog.models import Variant
from noren.catalog.serializers import (
    VariantChangeSerializer,
    VariantSerializer,
    VariantWriteSerializer,
)
from noren.catalog.services import ApprovalBound
from noren.inventory.views import StockActions
from noren_kit.api.filters import BooleanFilter, ResourceFilterSet
from noren_kit.api.viewsets import ResourceViewSet


class VariantFilterSet(ResourceFilterSet):
    is_active = BooleanFilter(field_name="is_active")

    class Meta:
        model = Variant
        fields: list[str] = []


class VariantViewSet(StockActions, ResourceViewSet):
    parent_field = "product"
    serializer_class = VariantSerializer
    write_serializer_class = VariantWriteSerializer
    update_serializer_class = VariantChangeSerializer
    filterset_class = VariantFilterSet
    search_fields, ordering_fields = ["name", "sku"], ["name", "sku"]
    action_rights = {"check_stock": "catalog.view_variant", **StockActions.stock_rights}
    row_rules = [ApprovalBound("product__category__requires_approval")]

    def stock_label(self, row: Variant) -> dict[str, str]:
        return {"product_id": str(row.product_id), "variant_id": str(row.id)}

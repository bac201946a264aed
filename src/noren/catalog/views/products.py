"""Products."""

from __future__ import annotations

from noren.catalog.models import Product
from noren.catalog.serializers import (
    ProductChangeSerializer,
    ProductDetailSerializer,
    ProductListSerializer,
    ProductWriteSerializer,
)
from noren.catalog.services import APPROVE, OVERRIDE_FLOOR, ApprovalBound
from noren.catalog.views.filters import ProductFilterSet
from noren.inventory.views import StockActions
from noren_kit.api.viewsets import ResourceViewSet


class ProductViewSet(StockActions, ResourceViewSet):
    serializer_class = ProductDetailSerializer
    list_serializer_class = ProductListSerializer
    write_serializer_class = ProductWriteSerializer
    update_serializer_class = ProductChangeSerializer
    filterset_class = ProductFilterSet
    search_fields = ["name", "description", "sku"]
    ordering_fields = ["price", "name", "average_rating", "total_sales"]
    action_rights = {"check_stock": "catalog.view_product", **StockActions.stock_rights}
    further_rights = frozenset({APPROVE, OVERRIDE_FLOOR})
    row_rules = [ApprovalBound("category__requires_approval")]

    def stock_label(self, row: Product) -> dict[str, str]:
        return {"product_id": str(row.id)}

"""Products."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from noren.catalog.models import Product
from noren.catalog.queries import list_popular, sum_up
from noren.catalog.serializers import (
    CatalogueFiguresSerializer,
    PopularSerializer,
    ProductChangeSerializer,
    ProductDetailSerializer,
    ProductListSerializer,
    ProductWriteSerializer,
)
from noren.catalog.services import APPROVE, OVERRIDE_FLOOR, ApprovalBound
from noren.catalog.views.filters import ProductFilterSet
from noren.inventory.views import StockActions
from noren_kit.api.reading import Representation, read_rows
from noren_kit.api.viewsets import ResourceViewSet


class ProductViewSet(StockActions, ResourceViewSet):
    serializer_class = ProductDetailSerializer
    list_serializer_class = ProductListSerializer
    write_serializer_class = ProductWriteSerializer
    update_serializer_class = ProductChangeSerializer
    filterset_class = ProductFilterSet
    search_fields = ["name", "description", "sku"]
    ordering_fields = ["price", "name", "average_rating", "total_sales"]
    action_rights = {
        "check_stock": "catalog.view_product",
        "popular": "catalog.view_product",
        "statistics": "catalog.view_product",
        **StockActions.stock_rights,
    }
    action_serializers = {"popular": ProductListSerializer}
    cached_actions = {
        "popular": ("status", "total_sales", "average_rating"),
        "statistics": ("status", "price", "category", "stock_item__on_hand"),
    }
    further_rights = frozenset({APPROVE, OVERRIDE_FLOOR})
    row_rules = [ApprovalBound("category__requires_approval")]

    def stock_label(self, row: Product) -> dict[str, str]:
        return {"product_id": str(row.id)}

    @extend_schema(responses=PopularSerializer)
    @action(detail=False, methods=["get"])
    def popular(self, request: Request) -> Response:
        """The 20 products on sale that sold best.

        Of those that sold alike, the better rated come first.
        """
        shown = Representation(ProductListSerializer)
        rows = read_rows(list_popular(self.get_queryset()), shown)
        return Response({"results": [row.shown for row in rows]})

    @extend_schema(responses=CatalogueFiguresSerializer)
    @action(detail=False, methods=["get"])
    def statistics(self, request: Request) -> Response:
        """The catalogue in figures, never older than the last write."""
        return Response(CatalogueFiguresSerializer(sum_up(self.get_queryset())).data)

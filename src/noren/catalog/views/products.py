"""Products and what is done with their stock."""

from __future__ import annotations

from django.db import OperationalError
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from noren.catalog.serializers import (
    ProductChangeSerializer,
    ProductDetailSerializer,
    ProductListSerializer,
    ProductWriteSerializer,
)
from noren.catalog.services import APPROVE, OVERRIDE_FLOOR, ApprovalBound
from noren.catalog.views.filters import ProductFilterSet
from noren.inventory.errors import StockUnreadable
from noren.inventory.queries import availability, find_item, list_movements
from noren.inventory.serializers import (
    AdjustStockSerializer,
    StockMovementSerializer,
    StockSerializer,
)
from noren.inventory.services import Change, adjust_stock, set_stock
from noren_kit.api import reading
from noren_kit.api.pagination import ResourcePagination
from noren_kit.api.viewsets import ResourceViewSet


class ProductViewSet(ResourceViewSet):
    serializer_class = ProductDetailSerializer
    list_serializer_class = ProductListSerializer
    write_serializer_class = ProductWriteSerializer
    update_serializer_class = ProductChangeSerializer
    filterset_class = ProductFilterSet
    search_fields = ["name", "description", "sku"]
    ordering_fields = ["price", "name", "average_rating", "total_sales"]
    action_rights = {
        "check_stock": "catalog.view_product",
        "adjust_stock": "inventory.change_stockitem",
        "stock_movements": "inventory.view_stockmovement",
    }
    further_rights = frozenset({APPROVE, OVERRIDE_FLOOR})
    row_rules = [ApprovalBound("category__requires_approval")]

    def known_parameters(self) -> set[str]:
        if self.action == "stock_movements":
            return set(ResourcePagination.parameters)
        return super().known_parameters()

    @extend_schema(responses=StockSerializer)
    @action(detail=True, methods=["get"])
    def check_stock(self, request: Request, pk: str) -> Response:
        """What there is of the product at this moment."""
        product = self.read(self.path_id(), StockSerializer())
        try:
            available = find_item(product.stock_item_id).available
        except OperationalError as error:
            raise StockUnreadable from error
        return self._stock(available)

    @extend_schema(request=AdjustStockSerializer, responses=StockSerializer)
    @action(detail=True, methods=["post"])
    def adjust_stock(self, request: Request, pk: str) -> Response:
        """Add, take, or set a counted quantity, with a reason for the ledger."""
        product = self.read(self.path_id(), StockSerializer())
        serializer = AdjustStockSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        item, label = product.stock_item_id, {"product_id": str(product.id)}
        if "set_to" in given:
            set_stock(
                stock_item_id=item,
                quantity=given["set_to"],
                expected=given["expected_quantity"],
                reason=given["reason"],
                label=label,
            )
        else:
            adjust_stock(change=Change(item, given["delta"], label=label), reason=given["reason"])
        return self._stock(find_item(item).available)

    @extend_schema(responses=StockMovementSerializer(many=True))
    @action(detail=True, methods=["get"])
    def stock_movements(self, request: Request, pk: str) -> Response:
        """The ledger of the product's stock, newest first."""
        product = self.read(self.path_id(), StockSerializer())
        movements = list_movements(product.stock_item_id).order_by("-id")
        page = self.paginator.paginate_queryset(  # type: ignore[union-attr]
            reading.for_serializer(movements, StockMovementSerializer()), request, view=self
        )
        return self.get_paginated_response(StockMovementSerializer(page, many=True).data)

    def _stock(self, available: int) -> Response:
        return Response(
            {
                "in_stock": available > 0,
                "quantity": available,
                "availability_status": availability(available),
            }
        )

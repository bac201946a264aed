"""Products."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from noren.catalog.models import Product
from noren.catalog.queries import count_facets, list_popular, sum_up
from noren.catalog.serializers import (
    CatalogueFiguresSerializer,
    FacetsSerializer,
    PopularSerializer,
    ProductChangeSerializer,
    ProductDetailSerializer,
    ProductListSerializer,
    ProductWriteSerializer,
)
from noren.catalog.services import APPROVE, OVERRIDE_FLOOR, ApprovalBound
from noren.catalog.views.filters import ProductFilterSet
from noren.catalog.views.images import ImageActions
from noren.catalog.views.pricing import PriceActions
from noren.inventory.views import StockActions
from noren_kit.api.filters import FilterBackend
from noren_kit.api.reading import Representation, read_rows
from noren_kit.api.searching import SearchBackend
from noren_kit.api.viewsets import ResourceViewSet
from noren_kit.core import context
from noren_kit.core.money import quantum_of


class ProductViewSet(PriceActions, ImageActions, StockActions, ResourceViewSet):
    serializer_class = ProductDetailSerializer
    list_serializer_class = ProductListSerializer
    write_serializer_class = ProductWriteSerializer
    update_serializer_class = ProductChangeSerializer
    filterset_class = ProductFilterSet
    search_fields = ["name", "description", "sku"]
    ordering_fields = ["price", "name", "average_rating", "total_sales"]
    ordering_paths = {"total_sales": ("stock_item__sold", "stock_item__id")}
    action_rights = {
        "bulk_price_update": "catalog.change_product",
        "check_stock": "catalog.view_product",
        "facets": "catalog.view_product",
        "image": "catalog.change_product",
        "remove_image": "catalog.change_product",
        "popular": "catalog.view_product",
        "statistics": "catalog.view_product",
        **StockActions.stock_rights,
    }
    action_serializers = {"popular": ProductListSerializer}
    bodiless_actions = ("destroy", "remove_image")
    filtered_actions = ("facets",)
    cached_actions = {
        "facets": (
            "category__name",
            "brand__name",
            "tags__name",
            "price",
            "stock_item__on_hand",
        ),
        "popular": ("status", "stock_item__sold", "average_rating"),
        "statistics": ("status", "price", "category", "stock_item__on_hand"),
    }
    bulk_actions = (*ResourceViewSet.bulk_actions, "bulk_price_update")
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

    @extend_schema(responses=FacetsSerializer)
    @action(detail=False, methods=["get"], pagination_class=None)
    def facets(self, request: Request) -> Response:
        """Count what the list would show, by category, brand, tag, price and availability.

        Search and filters are those of the list. Each facet is counted without its own filter,
        so that the alternatives to what is chosen are seen; `count` is with all of them. At most
        50 of each, the most frequent first. A price band has prices from `from` and below `to`;
        a category counts what stands in itself, not what stands below it.
        """
        searched = SearchBackend().filter_queryset(request, self.get_queryset(), self)

        def rows(without: Collection[str]) -> QuerySet[Any]:
            found: QuerySet[Any] = FilterBackend().filter_without(without, request, searched, self)
            return found

        unit = quantum_of(context.tenant().currency)
        return Response(FacetsSerializer(count_facets(rows, unit=unit)).data)

"""What is done over HTTP with the stock of whatever holds a stock item."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from django.db import OperationalError
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from noren.inventory.errors import StockUnreadable
from noren.inventory.models import StockItem
from noren.inventory.queries import availability, find_item, list_movements
from noren.inventory.serializers import (
    AdjustStockSerializer,
    StockMovementSerializer,
    StockSerializer,
)
from noren.inventory.services import Change, adjust_stock, set_stock
from noren_kit.api.pagination import ResourcePagination
from noren_kit.api.reading import Representation, read_rows


class StockActions:
    """`check_stock/`, `adjust_stock/` and `stock_movements/` of a resource with a `stock_item`.

    Stands before `ResourceViewSet`. The viewset takes `stock_rights` into its `action_rights`
    and adds the right that `check_stock` asks for.
    """

    stock_rights: ClassVar[dict[str, str]] = {
        "adjust_stock": "inventory.change_stockitem",
        "stock_movements": "inventory.view_stockmovement",
    }

    def stock_label(self, row: Any) -> dict[str, str]:
        """What the row's stock item is, as events and errors name it."""
        raise NotImplementedError

    def known_parameters(self) -> set[str]:
        if self.action == "stock_movements":  # type: ignore[attr-defined]
            return set(ResourcePagination.parameters)
        known: set[str] = super().known_parameters()  # type: ignore[misc]
        return known

    def _row(self) -> Any:
        return self.read(self.path_id(), StockSerializer())  # type: ignore[attr-defined]

    @extend_schema(responses=StockSerializer)
    @action(detail=True, methods=["get"])
    def check_stock(self, request: Request, **kwargs: Any) -> Response:
        """What there is at this moment."""
        row = self._row()
        try:
            item = find_item(row.stock_item_id)
        except OperationalError as error:
            raise StockUnreadable from error
        return _stock(item)

    @extend_schema(request=AdjustStockSerializer, responses=StockSerializer)
    @action(detail=True, methods=["post"])
    def adjust_stock(self, request: Request, **kwargs: Any) -> Response:
        """Add, take, or set a counted quantity, with a reason for the ledger."""
        row = self._row()
        serializer = AdjustStockSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        item, label = row.stock_item_id, self.stock_label(row)
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
        return _stock(find_item(item))

    @extend_schema(responses=StockMovementSerializer(many=True))
    @action(detail=True, methods=["get"])
    def stock_movements(self, request: Request, **kwargs: Any) -> Response:
        """The ledger of the stock, newest first."""
        movements = list_movements(self._row().stock_item_id).order_by("-id")
        read = partial(read_rows, representation=Representation(StockMovementSerializer))
        return Response(self.paginator.page(movements, request, read))  # type: ignore[attr-defined]


def _stock(item: StockItem) -> Response:
    return Response(
        {
            "in_stock": item.available > 0,
            "quantity": item.available,
            "availability_status": availability(item.available),
            "on_hand": item.on_hand,
            "reserved": item.reserved,
        }
    )

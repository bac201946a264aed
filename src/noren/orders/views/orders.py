"""Customers and orders over HTTP."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from noren.orders.models import Order
from noren.orders.queries import list_returns, list_timeline
from noren.orders.serializers import (
    CustomerSerializer,
    OrderListSerializer,
    OrderReturnSerializer,
    OrderSerializer,
    OrderWriteSerializer,
    PaySerializer,
    RefundSerializer,
    ReturnSerializer,
    TimelineSerializer,
    place,
    returned_items,
)
from noren.orders.services import (
    cancel_order,
    confirm_order,
    deliver_order,
    record_payment,
    record_refund,
    return_order,
    ship_order,
)
from noren_kit.accounts.row_rules import OwnRows
from noren_kit.api.filters import ChoiceFilter, IdFilter, InstantFilter, ResourceFilterSet
from noren_kit.api.pagination import ResourcePagination
from noren_kit.api.reading import Representation, read_rows
from noren_kit.api.viewsets import ResourceViewSet

FULFIL = "orders.change_fulfilment"


class CustomerViewSet(ResourceViewSet):
    serializer_class = CustomerSerializer
    row_rules = [OwnRows("user")]
    search_fields = ["name", "email", "company"]
    ordering_fields = ["name"]


class OrderFilterSet(ResourceFilterSet):
    customer = IdFilter(field_name="customer_id")
    status = ChoiceFilter(choices=Order.Status.choices)
    payment_status = ChoiceFilter(choices=Order.PaymentStatus.choices)
    placed_after = InstantFilter(field_name="placed_at", lookup_expr="gte")
    placed_before = InstantFilter(field_name="placed_at", lookup_expr="lt")

    class Meta:
        model = Order
        fields: list[str] = []


class OrderViewSet(ResourceViewSet):
    """Placed orders never change but by their actions, so PUT, PATCH and DELETE are not offered."""

    serializer_class = OrderSerializer
    list_serializer_class = OrderListSerializer
    write_serializer_class = OrderWriteSerializer
    make = staticmethod(place)
    made_last = ("order_number",)
    filterset_class = OrderFilterSet
    search_fields = ["order_number", "external_number", "customer_name"]
    ordering_fields = ["placed_at", "total_amount"]
    action_rights = {
        "cancel": "orders.change_order",
        # Not the customer's to do, whose own orders `change_own_order` is for.
        "confirm": FULFIL,
        "ship": FULFIL,
        "deliver": FULFIL,
        "take_back": "orders.add_orderreturn",
        "pay": "orders.add_payment",
        "refund": "orders.add_payment",
        "timeline": "orders.view_order",
        "returns": "orders.view_order",
    }
    row_rules = [OwnRows("customer__user")]
    bodiless_actions = ("cancel", "confirm", "ship", "deliver")
    http_method_names = ["get", "post", "head"]
    not_bulk = "placing an order is a transaction of its own, as short as can be, over its stock"

    def known_parameters(self) -> set[str]:
        return (
            set(ResourcePagination.parameters)
            if self.action == "returns"
            else super().known_parameters()
        )

    def _after(self, change: Callable[[uuid.UUID], Any]) -> Response:
        """The order as it is once `change` was made."""
        change(self.path_id())
        return self.respond(self.path_id())

    def _stated(self, kind: Any) -> Any:
        """What the body says; that there is no such order comes before its faults."""
        self._require_readable()
        return kind.validated(self.request.data)

    @extend_schema(request=None, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:
        """Take the order on."""
        return self._after(confirm_order)

    @extend_schema(request=None, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def ship(self, request: Request, pk: str) -> Response:
        """The goods have left."""
        return self._after(ship_order)

    @extend_schema(request=None, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def deliver(self, request: Request, pk: str) -> Response:
        """The goods have arrived."""
        return self._after(deliver_order)

    @extend_schema(request=None, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel the order and give its stock back."""
        return self._after(cancel_order)

    @extend_schema(request=PaySerializer, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def pay(self, request: Request, pk: str) -> Response:
        """Record money that came in, at most what is still owed."""
        stated = self._stated(PaySerializer)
        return self._after(partial(record_payment, **stated))

    @extend_schema(request=RefundSerializer, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def refund(self, request: Request, pk: str) -> Response:
        """Record money that went back, at most what was paid."""
        stated = self._stated(RefundSerializer)
        return self._after(partial(record_refund, **stated))

    @extend_schema(request=ReturnSerializer, responses=OrderSerializer)
    @action(detail=True, methods=["post"], url_path="return")
    def take_back(self, request: Request, pk: str) -> Response:
        """Take goods back: those named, or all that is left; back on sale with `restock`."""
        stated = self._stated(ReturnSerializer)
        items = returned_items(stated["items"]) if "items" in stated else None
        return self._after(
            partial(return_order, items=items, restock=stated["restock"], reason=stated["reason"])
        )

    @extend_schema(responses=TimelineSerializer)
    @action(detail=True, methods=["get"], pagination_class=None)
    def timeline(self, request: Request, pk: str) -> Response:
        """What happened to the order, oldest first."""
        self._require_readable()
        entries = list_timeline(self.path_id())
        return Response(TimelineSerializer({"results": entries}).data)

    @extend_schema(responses=OrderReturnSerializer(many=True))
    @action(detail=True, methods=["get"])
    def returns(self, request: Request, pk: str) -> Response:
        """What came back, newest first, and what it had been charged at."""
        self._require_readable()
        read = partial(read_rows, representation=Representation(OrderReturnSerializer))
        rows = list_returns(self.path_id()).order_by("-id")
        return Response(self.paginator.page(rows, request, read))

    def _require_readable(self) -> None:
        """Raises `Http404` unless the caller may read the order of the path."""
        if not self.get_queryset().filter(pk=self.path_id()).exists():
            raise Http404

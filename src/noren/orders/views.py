"""Customers and orders over HTTP."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from noren.orders.models import Order
from noren.orders.serializers import (
    CustomerSerializer,
    OrderListSerializer,
    OrderSerializer,
    OrderWriteSerializer,
    place,
)
from noren.orders.services import cancel_order
from noren_kit.accounts.row_rules import OwnRows
from noren_kit.api.filters import ChoiceFilter, IdFilter, InstantFilter, ResourceFilterSet
from noren_kit.api.reading import represent
from noren_kit.api.viewsets import ResourceViewSet


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
    filterset_class = OrderFilterSet
    search_fields = ["order_number", "external_number", "customer_name"]
    ordering_fields = ["placed_at", "total_amount"]
    action_rights = {"cancel": "orders.change_order"}
    row_rules = [OwnRows("customer__user")]
    bodiless_actions = ("cancel",)
    http_method_names = ["get", "post", "head"]

    @extend_schema(request=OrderWriteSerializer, responses={201: OrderSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        order = place(OrderWriteSerializer.validated(request.data))
        self.check_written(order.id)
        location = request.build_absolute_uri(f"{request.path}{order.id}/")
        self.shown_version = order.version
        shown = represent(order, OrderSerializer)
        return Response(shown, status=201, headers={"Location": location})

    @extend_schema(request=None, responses=OrderSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel the order and give its stock back."""
        order = cancel_order(self.path_id())
        self.check_written(order.id)
        return Response(represent(order, OrderSerializer))

"""Customers and orders as they look over HTTP."""

from noren.orders.serializers.lifecycle import (
    OrderReturnSerializer,
    PaySerializer,
    RefundSerializer,
    ReturnSerializer,
    TimelineSerializer,
    returned_items,
)
from noren.orders.serializers.orders import (
    CustomerSerializer,
    OrderListSerializer,
    OrderSerializer,
    OrderWriteSerializer,
    place,
)

__all__ = [
    "CustomerSerializer",
    "OrderListSerializer",
    "OrderReturnSerializer",
    "OrderSerializer",
    "OrderWriteSerializer",
    "PaySerializer",
    "RefundSerializer",
    "ReturnSerializer",
    "TimelineSerializer",
    "place",
    "returned_items",
]

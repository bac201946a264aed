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
from noren.orders.serializers.reservations import (
    ReservationSerializer,
    ReservationWriteSerializer,
)

__all__ = [
    "CustomerSerializer",
    "OrderListSerializer",
    "OrderReturnSerializer",
    "OrderSerializer",
    "OrderWriteSerializer",
    "PaySerializer",
    "RefundSerializer",
    "ReservationSerializer",
    "ReservationWriteSerializer",
    "ReturnSerializer",
    "TimelineSerializer",
    "place",
    "returned_items",
]

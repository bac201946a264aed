"""Customers and orders."""

from noren.orders.models.customers import Customer
from noren.orders.models.orders import Order, OrderLine, OrderNumber, OrderTax
from noren.orders.models.records import (
    OrderReturn,
    OrderTransition,
    Payment,
    ReturnLine,
    ReturnTax,
)
from noren.orders.models.reservations import Reservation, ReservedLine
from noren.orders.models.transitions import (
    BY_ACTION,
    CLOSED,
    TRANSITIONS,
    Transition,
    allowed_from,
    state_diagram,
)

__all__ = [
    "BY_ACTION",
    "CLOSED",
    "TRANSITIONS",
    "Customer",
    "Order",
    "OrderLine",
    "OrderNumber",
    "OrderReturn",
    "OrderTax",
    "OrderTransition",
    "Payment",
    "Reservation",
    "ReservedLine",
    "ReturnLine",
    "ReturnTax",
    "Transition",
    "allowed_from",
    "state_diagram",
]

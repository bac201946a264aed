"""Customers and orders over HTTP."""

from noren.orders.views.orders import CustomerViewSet, OrderViewSet
from noren.orders.views.reservations import ReservationViewSet

__all__ = ["CustomerViewSet", "OrderViewSet", "ReservationViewSet"]

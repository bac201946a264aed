"""Customers and orders over HTTP."""

from noren.orders.views.orders import CustomerViewSet, OrderViewSet

__all__ = ["CustomerViewSet", "OrderViewSet"]

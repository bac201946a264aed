"""Customers and orders."""

from noren.orders.models.customers import Customer
from noren.orders.models.orders import Order, OrderLine, OrderNumber, OrderTax

__all__ = ["Customer", "Order", "OrderLine", "OrderNumber", "OrderTax"]

"""What is sold, for those who watch the business: counted once it is committed."""

from __future__ import annotations

from django.db import transaction

from noren.orders.models import Order
from noren_kit.observability.metrics import counter

orders_placed = counter("noren_orders_placed_total", "Orders placed.", "currency")
revenue = counter("noren_orders_revenue_total", "Total amounts of placed orders.", "currency")


def count_placed(order: Order) -> None:
    """Count an order as soon as its transaction is committed."""
    currency, amount = order.currency, float(order.total_amount)

    def count() -> None:
        orders_placed.labels(currency).inc()
        revenue.labels(currency).inc(amount)

    transaction.on_commit(count)

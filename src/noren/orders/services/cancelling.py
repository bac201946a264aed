"""Cancelling an order: what was taken is given back, once."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import F

from noren.inventory.services import Change, Kind, StockMove, move_stock
from noren.orders.models import Order, OrderLine
from noren.orders.services.locking import (
    announce,
    lock_order,
    make_transition,
    require_transition,
)
from noren.orders.services.placing import CAUSE, stock_label, units_by_product


def cancel_order(order_id: uuid.UUID) -> Order:
    """Cancel an order and give its stock back.

    The order's row is locked first, so of any number of attempts one gives back, and of
    cancelling and shipping at once one wins. Raises `NotFound`, or `InvalidTransition` where
    the state does not allow it.
    """
    order = lock_order(order_id)
    transition = require_transition(order, "cancel")
    make_transition(order, transition)
    found = OrderLine.objects.filter(order_id=order.id)
    lines: list[Any] = list(found.annotate(product_item_id=F("product__stock_item_id")))
    items = {line.product_id: line.product_item_id for line in lines}
    changes = [
        Change(
            stock_item_id=line.stock_item_id,
            quantity=line.quantity,
            cause_id=line.id,
            label=stock_label(line),
        )
        for line in lines
    ]
    sold = {items[product]: -units for product, units in units_by_product(lines).items()}
    move_stock(StockMove(changes, Kind.RETURNED, cause_type=CAUSE, sold=sold))
    announce(order, transition.event)
    return order

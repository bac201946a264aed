"""Cancelling an order: what was taken is given back, once."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import F, Prefetch

from noren.inventory.services import Change, Kind, move_stock
from noren.orders.errors import InvalidTransition
from noren.orders.events import AGGREGATE, ORDER_CANCELLED
from noren.orders.models import Order, OrderLine
from noren.orders.services.placing import CAUSE, stock_label, units_by_product
from noren_kit.core.errors import NotFound
from noren_kit.outbox.publishing import NewEvent, publish

Status = Order.Status

# What may follow each state; the later states of an order come with their operations.
TRANSITIONS: dict[str, tuple[str, ...]] = {
    Status.PLACED: (Status.CANCELLED,),
    Status.CONFIRMED: (Status.CANCELLED,),
}


def cancel_order(order_id: uuid.UUID) -> Order:
    """Cancel an order and give its stock back; returns it with lines and taxes.

    The order's row is locked first, so of any number of attempts one gives back. Raises
    `NotFound`, or `InvalidTransition` where the state does not allow it.
    """
    all_lines = OrderLine.objects.annotate(product_item_id=F("product__stock_item_id"))
    order: Order | None = (
        Order.objects.select_for_update(no_key=True, of=("self",))
        .select_related("created_by", "updated_by")
        .prefetch_related(Prefetch("lines", all_lines), "taxes")
        .filter(id=order_id)
        .first()
    )
    if order is None:
        raise NotFound
    allowed = TRANSITIONS.get(order.status, ()) if order.kind == Order.Kind.SALE else ()
    if Status.CANCELLED not in allowed:
        raise InvalidTransition(status=order.status, allowed=allowed)
    order.status = Status.CANCELLED
    order.save(update_fields=["status", "updated_at", "updated_by"])
    lines: list[Any] = list(order.lines.all())
    items = {line.product_id: line.product_item_id for line in lines}
    move_stock(
        [
            Change(
                stock_item_id=line.stock_item_id,
                quantity=line.quantity,
                cause_id=line.id,
                label=stock_label(line),
            )
            for line in lines
        ],
        kind=Kind.RETURNED,
        cause_type=CAUSE,
        sold={items[product]: -units for product, units in units_by_product(lines).items()},
    )
    publish(
        NewEvent(
            type=ORDER_CANCELLED,
            aggregate_type=AGGREGATE,
            aggregate_id=order.id,
            payload={"order_id": str(order.id)},
        )
    )
    return order

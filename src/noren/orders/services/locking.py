"""An order is locked before it is changed: its row puts everything that happens to it in order."""

from __future__ import annotations

import uuid

from noren.orders.errors import InvalidTransition
from noren.orders.events import AGGREGATE
from noren.orders.models import BY_ACTION, Order, OrderTransition, Transition, allowed_from
from noren_kit.core.errors import NotFound
from noren_kit.outbox.publishing import NewEvent, publish


def lock_order(order_id: uuid.UUID) -> Order:
    """The order, locked until the transaction ends; raises `NotFound`."""
    order: Order | None = (
        Order.objects.select_for_update(no_key=True, of=("self",)).filter(id=order_id).first()
    )
    if order is None:
        raise NotFound
    return order


def refuse_state(order: Order) -> InvalidTransition:
    """The error for what the order's present state does not allow."""
    allowed = allowed_from(order.status) if order.kind == Order.Kind.SALE else []
    return InvalidTransition(status=order.status, allowed=allowed)


def require_transition(order: Order, action: str) -> Transition:
    """The transition of that action; raises `InvalidTransition` where it is not allowed."""
    transition = BY_ACTION[action]
    if order.kind != Order.Kind.SALE or order.status not in transition.sources:
        raise refuse_state(order)
    return transition


def make_transition(order: Order, transition: Transition, *changed: str) -> None:
    """Bring a locked order into the transition's state, and write `changed` columns with it."""
    before, order.status = order.status, transition.target
    order.save(update_fields=["status", *changed, "updated_at", "updated_by"])
    OrderTransition.objects.create(order=order, from_status=before, to_status=order.status)


def announce(order: Order, event: str, **facts: str) -> None:
    """Publish an event of the order."""
    publish(
        NewEvent(
            type=event,
            aggregate_type=AGGREGATE,
            aggregate_id=order.id,
            payload={"order_id": str(order.id), **facts},
        )
    )

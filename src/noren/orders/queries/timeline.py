"""What happened to an order, put together from what was written down when it did."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import QuerySet

from noren.orders.models import Order, OrderReturn, OrderTransition, Payment
from noren_kit.accounts.models import User

TIMELINE_KINDS = ("transition", "payment", "refund", "return")
# Of each kind; an order that takes more payments has its latest ones shown.
MOST_ENTRIES = 1_000


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened; the first is that the order was placed."""

    kind: str
    at: dt.datetime
    by: User | None
    request_id: str | None = None
    from_status: str | None = None
    to_status: str | None = None
    amount: Decimal | None = None
    reference: str | None = None
    reason: str | None = None
    return_id: uuid.UUID | None = None


def list_timeline(order_id: uuid.UUID) -> list[TimelineEntry]:
    """The entries of an order, oldest first; four statements. Raises `Order.DoesNotExist`."""
    order = Order.objects.select_related("created_by").get(id=order_id)
    placed = TimelineEntry(
        "transition", order.placed_at, order.created_by, to_status=Order.Status.PLACED
    )
    after = sorted(_after(order_id), key=lambda entry: entry.at)
    return [placed, *after]


def _after(order_id: uuid.UUID) -> Iterator[TimelineEntry]:
    rows = [
        model.objects.filter(order_id=order_id).select_related("created_by").order_by("-id")
        for model in (OrderTransition, Payment, OrderReturn)
    ]
    transitions, payments, returns = (each[:MOST_ENTRIES] for each in rows)
    for step in transitions:
        yield TimelineEntry(
            "transition",
            step.created_at,
            step.created_by,
            step.request_id,
            from_status=step.from_status,
            to_status=step.to_status,
        )
    for money in payments:
        yield TimelineEntry(
            str(money.kind),
            money.created_at,
            money.created_by,
            money.request_id,
            amount=money.amount,
            reference=money.reference or None,
            reason=money.reason or None,
        )
    for back in returns:
        yield TimelineEntry(
            "return",
            back.created_at,
            back.created_by,
            back.request_id,
            amount=back.gross,
            reference=back.external_number,
            reason=back.reason or None,
            return_id=back.id,
        )


def list_returns(order_id: uuid.UUID) -> QuerySet[OrderReturn]:
    returns: QuerySet[OrderReturn] = OrderReturn.objects.filter(order_id=order_id)
    return returns

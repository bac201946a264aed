"""Money for an order: what came in, what went back, and the payment status that follows."""

from __future__ import annotations

import uuid
from decimal import Decimal

from noren.orders.errors import AmountTooLarge
from noren.orders.events import ORDER_PAID, ORDER_REFUNDED
from noren.orders.models import CLOSED, Order, Payment
from noren.orders.services.locking import announce, lock_order, refuse_state
from noren_kit.core.money import format_amount

PaymentStatus = Order.PaymentStatus


def amount_due(order: Order) -> Decimal:
    """What the customer owes in all: nothing for what was cancelled or returned."""
    if order.status in CLOSED:
        return Decimal(0)
    return order.total_amount - order.returned_amount


def payment_status_of(order: Order) -> PaymentStatus:
    """The payment status that follows from the order's sums."""
    if not order.paid_amount:
        return PaymentStatus.UNPAID
    if order.refunded_amount >= order.paid_amount:
        return PaymentStatus.REFUNDED
    if order.refunded_amount:
        return PaymentStatus.PARTLY_REFUNDED
    return (
        PaymentStatus.PAID if order.paid_amount >= amount_due(order) else PaymentStatus.PARTLY_PAID
    )


def record_payment(order_id: uuid.UUID, *, amount: Decimal, reference: str) -> None:
    """Money came in, at most what is owed.

    Raises `NotFound`, `InvalidTransition`, `AmountTooLarge`.
    """
    order = lock_order(order_id)
    if order.kind != Order.Kind.SALE or order.status in CLOSED:
        raise refuse_state(order)
    owed = amount_due(order) - (order.paid_amount - order.refunded_amount)
    if amount > owed:
        raise AmountTooLarge(amount=amount, most=max(owed, Decimal(0)), currency=order.currency)
    order.paid_amount += amount
    _record(order, Payment.Kind.PAYMENT, amount, ORDER_PAID, reference=reference)


def record_refund(order_id: uuid.UUID, *, amount: Decimal, reason: str) -> None:
    """Money went back, at most what was paid, and in every state of the order.

    Raises `NotFound`, `InvalidTransition` for a credit of another system, `AmountTooLarge`.
    """
    order = lock_order(order_id)
    if order.kind != Order.Kind.SALE:
        raise refuse_state(order)
    held = order.paid_amount - order.refunded_amount
    if amount > held:
        raise AmountTooLarge(amount=amount, most=held, currency=order.currency)
    order.refunded_amount += amount
    _record(order, Payment.Kind.REFUND, amount, ORDER_REFUNDED, reason=reason)


def _record(order: Order, kind: str, amount: Decimal, event: str, **texts: str) -> None:
    order.payment_status = payment_status_of(order)
    sums = ["paid_amount", "refunded_amount", "payment_status"]
    order.save(update_fields=[*sums, "updated_at", "updated_by"])
    Payment.objects.create(order=order, kind=kind, amount=amount, **texts)
    announce(
        order,
        event,
        amount=format_amount(amount, order.currency),
        payment_status=order.payment_status,
    )

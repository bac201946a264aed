"""Reservations: goods held before they are ordered, used by an order or let go."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from noren.inventory.services import Change, hold_stock, release_holder
from noren.orders.errors import ReservationNotHeld
from noren.orders.models import Customer, Order, Reservation, ReservedLine
from noren.orders.services.placing import NewLine, articles_on_sale, place_order
from noren_kit.core.errors import InvalidInput, NotFound
from noren_kit.core.ids import uuid7

EXPIRED = "expired"
Status = Reservation.Status


def shown_status(status: str, expires_at: dt.datetime) -> str:
    """The status as it is now: what is held counts no longer once it expires."""
    if status == Status.HELD and expires_at <= timezone.now():
        return EXPIRED
    return status


def reserve(lines: Sequence[NewLine], *, seconds: int, reference: str = "") -> Reservation:
    """Hold units for a while.

    Raises `InvalidInput` naming each line that can't be ordered, or `InsufficientStock` naming
    every short one; the caller's transaction must then be rolled back.
    """
    articles = articles_on_sale(lines)
    expires_at = timezone.now() + dt.timedelta(seconds=seconds)
    reservation = Reservation(id=uuid7(), expires_at=expires_at, reference=reference)
    rows, takings = [], []
    for position, line in enumerate(lines, start=1):
        article = articles[line.article_id]  # type: ignore[index]
        rows.append(
            ReservedLine(
                reservation=reservation,
                position=position,
                product_id=article.product_id,
                variant_id=article.variant_id,
                quantity=line.quantity,
            )
        )
        label = {"product_id": str(article.product_id)}
        if article.variant_id:
            label["variant_id"] = str(article.variant_id)
        takings.append(Change(article.stock_item_id, -line.quantity, label=label))
    hold_stock(takings, holder_id=reservation.id, expires_at=expires_at)
    reservation.save(force_insert=True)
    ReservedLine.objects.bulk_create(rows)
    return reservation


def _locked(reservation_id: uuid.UUID) -> Reservation | None:
    rows = Reservation.objects.select_for_update(no_key=True, of=("self",))
    reservation: Reservation | None = rows.filter(id=reservation_id).first()
    return reservation


def release_reservation(reservation_id: uuid.UUID) -> None:
    """Let the goods go. Raises `NotFound`, or `ReservationNotHeld` where an order has used it.

    Letting go what has been let go, or has expired, is no error.
    """
    reservation = _locked(reservation_id)
    if reservation is None:
        raise NotFound
    if reservation.status == Status.USED:
        raise ReservationNotHeld(reservation.status)
    if reservation.status == Status.HELD:
        release_holder(reservation.id, reason="released")
        _leave(reservation, Status.RELEASED)


def place_reserved_order(
    reservation_id: uuid.UUID,
    *,
    customer: Customer,
    lines: Sequence[NewLine],
    discount: Decimal = Decimal(0),
    texts: Mapping[str, str] | None = None,
    before_locking: Callable[[Order], None] | None = None,
) -> Order:
    """`place_order` for goods that are held: what is reserved, where no lines are given.

    The whole reservation is used up, whatever the lines take of it. Raises `InvalidInput` too
    for a reservation that is unknown, `ReservationNotHeld` for one that is over.
    """
    reservation = _locked(reservation_id)
    if reservation is None:
        message = _("There is no such object.")
        raise InvalidInput.field("reservation", "does_not_exist", message)
    if not reservation.is_live:
        raise ReservationNotHeld(shown_status(reservation.status, reservation.expires_at))
    lines = lines or _reserved_lines(reservation)
    articles = articles_on_sale(lines).values()
    # All locks of the order at once, or two orders could wait for each other.
    items = {item for each in articles for item in (each.stock_item_id, each.product_item_id)}
    release_holder(reservation.id, reason="ordered", also_lock=items)
    order = place_order(
        customer=customer,
        lines=lines,
        discount=discount,
        texts=texts,
        before_locking=before_locking,
    )
    reservation.order = order
    _leave(reservation, Status.USED, "order")
    return order


def _reserved_lines(reservation: Reservation) -> list[NewLine]:
    return [
        NewLine(None if line.variant_id else line.product_id, line.quantity, line.variant_id)
        for line in ReservedLine.objects.filter(reservation=reservation)
    ]


def _leave(reservation: Reservation, status: Status, *changed: str) -> None:
    reservation.status = status
    reservation.save(update_fields=["status", *changed, "updated_at", "updated_by"])

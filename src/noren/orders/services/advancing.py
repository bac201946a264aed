"""The steps of an order that change nothing but its state."""

from __future__ import annotations

import uuid

from noren.orders.services.locking import (
    announce,
    lock_order,
    make_transition,
    require_transition,
)


def _advance(order_id: uuid.UUID, action: str) -> None:
    order = lock_order(order_id)
    transition = require_transition(order, action)
    make_transition(order, transition)
    announce(order, transition.event)


def confirm_order(order_id: uuid.UUID) -> None:
    """The shop takes the order on. Raises `NotFound`, `InvalidTransition`."""
    _advance(order_id, "confirm")


def ship_order(order_id: uuid.UUID) -> None:
    """The goods leave the shop. Raises `NotFound`, `InvalidTransition`."""
    _advance(order_id, "ship")


def deliver_order(order_id: uuid.UUID) -> None:
    """The goods arrive. Raises `NotFound`, `InvalidTransition`."""
    _advance(order_id, "deliver")

"""What may follow each state of an order: said here, and nowhere else.

Services ask it, refusals name it, and docs/guides/orders.md shows it drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

from noren.orders.events import (
    ORDER_CANCELLED,
    ORDER_CONFIRMED,
    ORDER_DELIVERED,
    ORDER_RETURNED,
    ORDER_SHIPPED,
)
from noren.orders.models.orders import Order

Status = Order.Status


@dataclass(frozen=True, slots=True)
class Transition:
    """An action on an order: from which states, into which, and what is published."""

    action: str
    sources: tuple[Status, ...]
    target: Status
    event: str


TRANSITIONS = (
    Transition("confirm", (Status.PLACED,), Status.CONFIRMED, ORDER_CONFIRMED),
    Transition("ship", (Status.CONFIRMED,), Status.SHIPPED, ORDER_SHIPPED),
    Transition("deliver", (Status.SHIPPED,), Status.DELIVERED, ORDER_DELIVERED),
    Transition("cancel", (Status.PLACED, Status.CONFIRMED), Status.CANCELLED, ORDER_CANCELLED),
    # Into this state once all has come back; a part of it leaves the state as it is.
    Transition("return", (Status.SHIPPED, Status.DELIVERED), Status.RETURNED, ORDER_RETURNED),
)
BY_ACTION = {each.action: each for each in TRANSITIONS}
# Nothing more is owed for these.
CLOSED = (Status.CANCELLED, Status.RETURNED)


def allowed_from(status: str) -> list[str]:
    """The states that may follow one."""
    return [each.target.value for each in TRANSITIONS if status in each.sources]


def state_diagram() -> str:
    """The transitions as a Mermaid diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {Status.PLACED.value}"]
    lines += [
        f"    {source.value} --> {each.target.value}: {each.action}"
        for each in TRANSITIONS
        for source in each.sources
    ]
    last = [status for status in Status if not allowed_from(status)]
    return "\n".join([*lines, *(f"    {status.value} --> [*]" for status in last)]) + "\n"

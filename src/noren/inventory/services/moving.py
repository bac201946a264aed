"""Changes of stock: locked in order, then counter and ledger move together.

Several items are locked in the order of their ids, so that orders for the same goods wait for
each other and never deadlock (docs/guides/stock.md).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils import timezone

from noren.inventory.errors import InsufficientStock, StockChanged
from noren.inventory.events import AGGREGATE, STOCK_LOW
from noren.inventory.models import LOW_STOCK, StockItem, StockMovement
from noren.inventory.services.holding import lock_items, release_expired
from noren_kit.core import context
from noren_kit.core.ids import uuid7_text
from noren_kit.db.arrays import plain_array
from noren_kit.db.prepared import Question, execute, fetch_all
from noren_kit.outbox.publishing import NewEvent, publish

Kind = StockMovement.Kind
MAX_QUANTITY = 1_000_000_000
# An item, what it has on hand and reserved afterwards, and the change.
_Moved = tuple[uuid.UUID, int, int, int]


@dataclass(frozen=True, slots=True)
class Change:
    """Units to add to an item (negative: to take), and why."""

    stock_item_id: uuid.UUID
    quantity: int
    cause_id: uuid.UUID | None = None
    # What the item is, as its holder names it in events and errors.
    label: Mapping[str, str] = field(default_factory=dict)


# Migration 0009. One that would fall below what is reserved is left out, and so is its ledger row:
# `settle` compares.
_MOVE = """
SELECT item_id, units, held, change
  FROM noren_move_stock(
       %(tenant)s, %(movements)s::uuid[], %(items)s::uuid[], %(quantities)s::bigint[],
       %(causes)s::uuid[], %(sellers)s::uuid[], %(units)s::bigint[], %(kind)s, %(reason)s,
       %(cause_type)s, %(now)s, %(actor)s, %(request)s)
"""


@dataclass(frozen=True, slots=True)
class StockMove:
    """Changes that are all applied or none.

    One ledger row a change; changes of one item count together. `sold` are units to add to what
    items have sold (negative: to take back), which need not be those that are moved: a
    variant's sale counts for its product's item. They are locked with the others, in the same
    order.
    """

    changes: Sequence[Change]
    kind: str
    cause_type: str = ""
    reason: str = ""
    sold: Mapping[uuid.UUID, int] = field(default_factory=dict)

    def question(self) -> Question:
        """Locks and moves; not to be asked without `settle`, which is given its rows."""
        return _question(self, self.changes, self.sold)

    def settle(self, rows: Iterable[_Moved]) -> dict[uuid.UUID, int]:
        """What the answer comes to: each item's units on hand afterwards.

        Raises `InsufficientStock` naming every item that would fall below what is reserved; the
        caller's transaction must then be rolled back. Publishes `stock.low` for each item that
        falls to 10 units or fewer.
        """
        moved = {row[0]: row for row in rows}
        short = [change for change in self.changes if change.stock_item_id not in moved]
        if short and release_expired({change.stock_item_id for change in short}):
            left = {item: units for item, units in self.sold.items() if item not in moved}
            moved |= {row[0]: row for row in fetch_all(*_question(self, short, left))}
            short = [change for change in self.changes if change.stock_item_id not in moved]
        if short:
            refuse_short(short)
        _announce_low(self.changes, moved)
        return {change.stock_item_id: moved[change.stock_item_id][1] for change in self.changes}


def move_stock(move: StockMove) -> dict[uuid.UUID, int]:
    """Make the move by itself; as `StockMove.settle`."""
    return move.settle(fetch_all(*move.question())) if move.changes else {}


def _question(
    move: StockMove, changes: Sequence[Change], sold: Mapping[uuid.UUID, int]
) -> Question:
    return Question(
        _MOVE,
        {
            "kind": move.kind,
            "reason": move.reason,
            "cause_type": move.cause_type,
            "tenant": context.tenant_id(),
            "movements": plain_array(uuid7_text() for _ in changes),
            "items": plain_array(change.stock_item_id for change in changes),
            "quantities": plain_array(change.quantity for change in changes),
            "causes": plain_array(change.cause_id or "NULL" for change in changes),
            "sellers": plain_array(sold),
            "units": plain_array(sold.values()),
            "now": timezone.now(),
            "actor": context.actor_id(),
            "request": context.request_id(),
        },
    )


_COUNT_SOLD = """
UPDATE inventory_stockitem s SET sold = greatest(s.sold + u.units, 0)
  FROM unnest((SELECT %(items)s::uuid[]), (SELECT %(units)s::bigint[])) AS u(item_id, units)
 WHERE s.tenant_id = %(tenant)s AND s.id = u.item_id
"""


def count_sold(sold: Mapping[uuid.UUID, int]) -> None:
    """Add units to what items have sold, for sales whose stock was moved before or elsewhere."""
    tenant, items = context.tenant_id(), plain_array(sold)
    lock_items(sold)
    execute(_COUNT_SOLD, {"tenant": tenant, "items": items, "units": plain_array(sold.values())})


def refuse_short(short: Sequence[Change]) -> None:
    """Raises `InsufficientStock`, naming what there is of each change's item."""
    wanted: dict[uuid.UUID, int] = {}
    labels: dict[uuid.UUID, Mapping[str, str]] = {}
    for change in short:
        wanted[change.stock_item_id] = wanted.get(change.stock_item_id, 0) - change.quantity
        labels[change.stock_item_id] = change.label
    available = {item.id: item.available for item in StockItem.objects.filter(id__in=list(wanted))}
    raise InsufficientStock(
        details={
            "items": [
                {**labels[item], "requested": quantity, "available": available.get(item, 0)}
                for item, quantity in wanted.items()
            ]
        }
    )


def _announce_low(changes: Sequence[Change], moved: Mapping[uuid.UUID, _Moved]) -> None:
    labels = {change.stock_item_id: change.label for change in changes}
    publish(
        *(
            NewEvent(
                type=STOCK_LOW,
                aggregate_type=AGGREGATE,
                aggregate_id=item,
                payload={**labels[item], "available": on_hand - reserved},
            )
            for item, on_hand, reserved, change in moved.values()
            if on_hand - reserved <= LOW_STOCK < on_hand - reserved - change
        )
    )


def open_stock_together(
    quantities: Sequence[int],
    *,
    reason: str = "opening stock",
    backorders: Sequence[bool] | None = None,
) -> list[StockItem]:
    """New stock items with their opening ledger entries, in their order; two statements."""
    allowed = backorders or [False] * len(quantities)
    items: list[StockItem] = StockItem.objects.bulk_create(
        [
            StockItem(on_hand=quantity, backorder=backorder)
            for quantity, backorder in zip(quantities, allowed, strict=True)
        ]
    )
    StockMovement.objects.bulk_create(
        [
            StockMovement(stock_item=item, kind=Kind.RECEIVED, quantity=item.on_hand, reason=reason)
            for item in items
            if item.on_hand
        ]
    )
    return items


def open_stock(
    *, quantity: int = 0, reason: str = "opening stock", backorder: bool = False
) -> StockItem:
    """A new stock item with its opening ledger entry."""
    item: StockItem = StockItem.objects.create(on_hand=quantity, backorder=backorder)
    if quantity:
        StockMovement.objects.create(
            stock_item=item, kind=Kind.RECEIVED, quantity=quantity, reason=reason
        )
    return item


def adjust_stock(*, change: Change, reason: str, kind: str = Kind.ADJUSTED) -> int:
    """Add to (or take from) one item by hand; returns the units on hand afterwards."""
    if not change.quantity:
        return int(StockItem.objects.get(id=change.stock_item_id).on_hand)
    after = move_stock(StockMove([change], kind, cause_type="adjustment", reason=reason))
    return after[change.stock_item_id]


def set_stock(
    *, stock_item_id: uuid.UUID, quantity: int, expected: int, reason: str, label: dict[str, str]
) -> int:
    """Set one item to a counted quantity if it still holds `expected`; else `StockChanged`."""
    item = StockItem.objects.select_for_update(no_key=True).get(id=stock_item_id)
    if item.on_hand != expected:
        raise StockChanged(details={"expected": expected, "on_hand": item.on_hand})
    change = Change(stock_item_id, quantity - item.on_hand, label=label)
    return adjust_stock(change=change, reason=reason, kind=Kind.COUNTED)

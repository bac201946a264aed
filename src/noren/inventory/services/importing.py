"""Stock movements of the past, by the thousand: brought in with their own times and reasons.

The same rule as for a movement of today (counter and ledger in one statement), without its
events: nobody is to be told today that goods ran low last year.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from noren.inventory.errors import InsufficientStock
from noren_kit.core import context
from noren_kit.core.ids import uuid7_text
from noren_kit.db.arrays import plain_array, text_array


@dataclass(slots=True)
class PastMovement:
    """Units added to an item (negative: taken) at a moment of the past, and why.

    Ids are texts: by the hundred thousand, making them UUIDs costs more than storing them.
    """

    stock_item_id: str
    kind: str
    quantity: int
    happened_at: dt.datetime
    cause_id: str | None = None
    reason: str = ""
    # Its place in what is imported, for callers that put several kinds together.
    key: int = 0


@dataclass(frozen=True, slots=True)
class Opening:
    """A new item and the units that its ledger opens with."""

    stock_item_id: str
    quantity: int


_RECORD = """
WITH input AS (
    SELECT * FROM unnest(%(movements)s::uuid[], %(items)s::uuid[], %(kinds)s::text[],
                         %(quantities)s::bigint[], %(moments)s::timestamptz[],
                         %(causes)s::uuid[], %(reasons)s::text[])
               AS i(movement_id, item_id, kind, quantity, happened_at, cause_id, reason)
), total AS (
    SELECT item_id, sum(quantity)::bigint AS quantity FROM input GROUP BY item_id
), locked AS (
    SELECT s.id FROM inventory_stockitem s
     WHERE s.tenant_id = %(tenant)s AND s.id IN (SELECT item_id FROM total)
     ORDER BY s.id FOR NO KEY UPDATE
), moved AS (
    UPDATE inventory_stockitem s SET on_hand = s.on_hand + t.quantity
      FROM total t, locked l
     WHERE s.tenant_id = %(tenant)s AND s.id = t.item_id AND l.id = s.id
       AND (s.backorder OR s.on_hand + t.quantity >= s.reserved)
    RETURNING s.id
), written AS (
    INSERT INTO inventory_stockmovement
           (tenant_id, id, stock_item_id, kind, quantity, reason, cause_type, cause_id,
            created_at, created_by_id, request_id)
    SELECT %(tenant)s, i.movement_id, i.item_id, i.kind, i.quantity, i.reason,
           %(cause_type)s, i.cause_id, i.happened_at, %(actor)s, %(request)s
      FROM input i
)
SELECT (SELECT array_agg(item_id) FROM total WHERE item_id NOT IN (SELECT id FROM moved))
"""

_OPEN = """
INSERT INTO inventory_stockitem (tenant_id, id, on_hand, reserved)
SELECT %(tenant)s, i.item_id, 0, 0 FROM unnest(%(items)s::uuid[]) AS i(item_id)
"""


def record_movements(movements: Sequence[PastMovement], *, cause_type: str) -> None:
    """Write ledger entries of the past and move each counter by their sum, in one statement.

    Publishes nothing. Raises `InsufficientStock` where an item would end below what is
    reserved; the caller's transaction must then be rolled back.
    """
    if not movements:
        return
    parameters: dict[str, Any] = {
        "tenant": context.tenant_id(),
        "movements": plain_array(uuid7_text() for _ in movements),
        "items": plain_array(each.stock_item_id for each in movements),
        "kinds": plain_array(each.kind for each in movements),
        "quantities": plain_array(each.quantity for each in movements),
        "moments": plain_array(each.happened_at for each in movements),
        "causes": plain_array(each.cause_id or "NULL" for each in movements),
        "reasons": text_array(each.reason for each in movements),
        "cause_type": cause_type,
        "actor": context.actor_id(),
        "request": context.request_id(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, parameters)
        (short,) = cursor.fetchone()
    if short:
        items = [{"stock_item_id": str(item)} for item in short]
        raise InsufficientStock(details={"items": items})


def open_imported_stock(
    openings: Sequence[Opening], *, kind: str, at: dt.datetime, reason: str
) -> None:
    """New stock items, each with the opening entry of its ledger (none for a quantity of 0)."""
    if not openings:
        return
    with connection.cursor() as cursor:
        items = plain_array(each.stock_item_id for each in openings)
        cursor.execute(_OPEN, {"tenant": context.tenant_id(), "items": items})
    record_movements(
        [
            PastMovement(each.stock_item_id, kind, each.quantity, at, reason=reason)
            for each in openings
            if each.quantity
        ],
        cause_type="opening",
    )

"""Units held for somebody for a while: what is held, others can't take."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence

from django.utils import timezone

from noren.inventory.errors import BackorderedStock
from noren.inventory.models import StockItem
from noren.inventory.services.holding import CAUSE, lock_items, release_expired
from noren.inventory.services.moving import Change, refuse_short
from noren_kit.core import context
from noren_kit.core.ids import uuid7_text
from noren_kit.db.arrays import plain_array
from noren_kit.db.prepared import fetch_all

_HOLD = """
WITH input AS (
    SELECT * FROM unnest(%(holds)s::uuid[], %(movements)s::uuid[], %(items)s::uuid[],
                         %(quantities)s::bigint[])
               AS i(hold_id, movement_id, item_id, quantity)
), held AS (
    UPDATE inventory_stockitem s SET reserved = s.reserved + i.quantity
      FROM input i
     WHERE s.tenant_id = %(tenant)s AND s.id = i.item_id
       AND (s.backorder OR s.on_hand - s.reserved >= i.quantity)
    RETURNING s.id
), kept AS (
    INSERT INTO inventory_stockhold
           (tenant_id, id, stock_item_id, holder_id, quantity, expires_at)
    SELECT %(tenant)s, i.hold_id, i.item_id, %(holder)s, i.quantity, %(expires)s
      FROM input i JOIN held h ON h.id = i.item_id
), written AS (
    INSERT INTO inventory_stockmovement
           (tenant_id, id, stock_item_id, kind, quantity, reason, cause_type, cause_id,
            created_at, created_by_id, request_id)
    SELECT %(tenant)s, i.movement_id, i.item_id, 'reserved', i.quantity, '',
           %(cause)s, %(holder)s, %(now)s, %(actor)s, %(request)s
      FROM input i JOIN held h ON h.id = i.item_id
)
SELECT id FROM held
"""


def hold_stock(takings: Sequence[Change], *, holder_id: uuid.UUID, expires_at: dt.datetime) -> None:
    """Hold what these changes would take (their quantities are negative), all of it or nothing.

    Raises `InsufficientStock` naming every item of which less is available; the caller's
    transaction must then be rolled back.
    """
    units: dict[uuid.UUID, int] = {}
    for each in takings:
        units[each.stock_item_id] = units.get(each.stock_item_id, 0) - each.quantity
    lock_items(units)
    held = _hold(units, holder_id, expires_at)
    missing = {item: quantity for item, quantity in units.items() if item not in held}
    if missing and release_expired(missing):
        held |= _hold(missing, holder_id, expires_at)
    short = [each for each in takings if each.stock_item_id not in held]
    if short:
        refuse_short(short)


def _hold(
    units: Mapping[uuid.UUID, int], holder_id: uuid.UUID, expires_at: dt.datetime
) -> set[uuid.UUID]:
    values = {
        "tenant": context.tenant_id(),
        "holds": plain_array(uuid7_text() for _ in units),
        "movements": plain_array(uuid7_text() for _ in units),
        "items": plain_array(units),
        "quantities": plain_array(units.values()),
        "holder": holder_id,
        "expires": expires_at,
        "cause": CAUSE,
        "now": timezone.now(),
        "actor": context.actor_id(),
        "request": context.request_id(),
    }
    return {item for (item,) in fetch_all(_HOLD, values)}


def allow_backorder(stock_item_id: uuid.UUID, *, allowed: bool) -> None:
    """Whether more may be sold than there is; raises `BackorderedStock` while more is sold."""
    allow_backorders({stock_item_id: allowed})


def allow_backorders(wanted: Mapping[uuid.UUID, bool]) -> None:
    """The same of many items at once, in as many statements."""
    if not wanted:
        return
    locked = StockItem.objects.select_for_update(no_key=True).filter(id__in=wanted).order_by("id")
    changed = [item for item in locked if item.backorder != wanted[item.id]]
    ending = {item.id for item in changed if not wanted[item.id]}
    short = [item for item in changed if item.id in ending and item.on_hand < item.reserved]
    if short and release_expired({item.id for item in short}):
        short = [
            item
            for item in StockItem.objects.filter(id__in=[item.id for item in short])
            if item.on_hand < item.reserved
        ]
    for item in short:
        raise BackorderedStock(details={"on_hand": item.on_hand, "reserved": item.reserved})
    for allowed in (True, False):
        ids = [item.id for item in changed if wanted[item.id] == allowed]
        if ids:
            StockItem.objects.filter(id__in=ids).update(backorder=allowed)

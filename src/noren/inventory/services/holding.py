"""Locks on stock items, and holds on them that have run out.

A hold stops counting the moment it expires: whoever would fall short because of it releases it
first, under the same locks (ADR 0022). What nobody misses, the sweep releases.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.utils import timezone

from noren.inventory.models import StockHold
from noren_kit.core import context
from noren_kit.core.ids import uuid7_text
from noren_kit.db.arrays import plain_array
from noren_kit.db.prepared import fetch_all

CAUSE = "reservation"

# The locks are taken in the order of the ids, by a statement of their own: an update in the same
# statement would start from the row versions that were there before the wait, and meet those who
# wait for them (ADR 0009).
_LOCK = """
SELECT id FROM inventory_stockitem WHERE tenant_id = %s AND id = ANY((SELECT %s::uuid[])::uuid[])
 ORDER BY id FOR NO KEY UPDATE
"""


_RELEASE = """
WITH gone AS (
    DELETE FROM inventory_stockhold h
     WHERE h.tenant_id = %(tenant)s AND {which}
    RETURNING h.id, h.stock_item_id, h.holder_id, h.quantity
), total AS (
    SELECT stock_item_id, sum(quantity)::bigint AS quantity FROM gone GROUP BY stock_item_id
), freed AS (
    UPDATE inventory_stockitem s SET reserved = s.reserved - t.quantity
      FROM total t WHERE s.tenant_id = %(tenant)s AND s.id = t.stock_item_id
), written AS (
    INSERT INTO inventory_stockmovement
           (tenant_id, id, stock_item_id, kind, quantity, reason, cause_type, cause_id,
            created_at, created_by_id, request_id)
    SELECT %(tenant)s,
           (%(head)s || lpad(to_hex(%(tail)s::bigint + row_number() OVER ()), 12, '0'))::uuid,
           g.stock_item_id, 'released', -g.quantity, %(reason)s,
           %(cause)s, g.holder_id, %(now)s, %(actor)s, %(request)s
      FROM gone g
)
SELECT stock_item_id FROM total
"""
_OF_ITEMS = "h.stock_item_id = ANY((SELECT %(ids)s::uuid[])::uuid[]) AND h.expires_at <= %(now)s"
_RELEASE_EXPIRED = _RELEASE.format(which=_OF_ITEMS)
_RELEASE_OF = _RELEASE.format(which="h.holder_id = ANY(%(ids)s::uuid[])")


def lock_items(items: Collection[uuid.UUID]) -> None:
    """Hold items until the transaction ends, in the order that never deadlocks."""
    fetch_all(_LOCK, [context.tenant_id(), plain_array(set(items))])


def _release(statement: str, ids: Collection[uuid.UUID], reason: str) -> set[uuid.UUID]:
    # One id for each row, as PostgreSQL makes none of this kind before 18.
    first = uuid7_text()
    values = {
        "head": first[:24],
        "tail": int(first[24:], 16) >> 1,
        "tenant": context.tenant_id(),
        "ids": plain_array(ids),
        "reason": reason,
        "cause": CAUSE,
        "now": timezone.now(),
        "actor": context.actor_id(),
        "request": context.request_id(),
    }
    return {item for (item,) in fetch_all(statement, values)}


def release_expired(items: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Let go what has run out on these items, which the caller has locked; returns those freed."""
    return _release(_RELEASE_EXPIRED, items, "expired")


def release_holder(
    holder_id: uuid.UUID, *, reason: str, also_lock: Collection[uuid.UUID] = ()
) -> None:
    """Let go all that is held for somebody; `also_lock` are items that the caller goes on with."""
    held = StockHold.objects.filter(holder_id=holder_id).values_list("stock_item_id", flat=True)
    lock_items({*held, *also_lock})
    _release(_RELEASE_OF, [holder_id], reason)


_BATCH = 500


def sweep_expired() -> int:
    """Let go what has run out, some items at a time; returns the number of items freed.

    To be repeated, in a transaction of its own each time, until it is 0.
    """
    due = StockHold.objects.filter(expires_at__lte=timezone.now()).order_by("expires_at")
    items = set(due.values_list("stock_item_id", flat=True)[:_BATCH])
    if not items:
        return 0
    lock_items(items)
    return len(release_expired(items))

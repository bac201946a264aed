"""Reads of stock for those who hold stock items."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Case, CharField, Count, F, QuerySet, Sum, Value, When
from django.utils import timezone

from noren.inventory.models import LOW_STOCK, StockItem, StockMovement
from noren_kit.core import context

AVAILABILITIES = ("in_stock", "low_stock", "out_of_stock")


def availability(available: int) -> str:
    """in_stock above 10 units, low_stock above 0, else out_of_stock."""
    if available > LOW_STOCK:
        return "in_stock"
    return "low_stock" if available > 0 else "out_of_stock"


def units_available(on_hand: int, reserved: int) -> int:
    """Units of an item with these counters that may be sold."""
    return on_hand - reserved


def availability_of(on_hand: int, reserved: int) -> str:
    """The availability of an item with these counters."""
    return availability(units_available(on_hand, reserved))


def with_availability(queryset: QuerySet[Any], stock_item: str) -> QuerySet[Any]:
    """Annotate `availability_status` by the stock item at the path `stock_item`."""
    available = F(f"{stock_item}__on_hand") - F(f"{stock_item}__reserved")
    annotated: QuerySet[Any] = queryset.alias(available_units=available).annotate(
        availability_status=Case(
            When(available_units__gt=LOW_STOCK, then=Value("in_stock")),
            When(available_units__gt=0, then=Value("low_stock")),
            default=Value("out_of_stock"),
            output_field=CharField(),
        )
    )
    return annotated


def find_item(stock_item_id: uuid.UUID) -> StockItem:
    """The item as it is now, without holds that have run out; raises `StockItem.DoesNotExist`."""
    item: StockItem = StockItem.objects.get(id=stock_item_id)
    if item.reserved:
        expired = item.holds.filter(expires_at__lte=timezone.now())
        item.reserved -= expired.aggregate(units=Sum("quantity"))["units"] or 0
    return item


def list_movements(stock_item_id: uuid.UUID) -> QuerySet[StockMovement]:
    movements: QuerySet[StockMovement] = StockMovement.objects.filter(stock_item_id=stock_item_id)
    return movements


# One grouping instead of a join, which is slow while a fresh table has no statistics yet.
_DIFFERENCES = """
SELECT id, sum(on_hand), sum(reserved), sum(moved), sum(noted), sum(held)
  FROM (SELECT id, on_hand, reserved, 0 AS moved, 0 AS noted, 0 AS held, backorder
          FROM inventory_stockitem
         WHERE tenant_id = %(tenant)s
        UNION ALL
        SELECT stock_item_id, 0, 0,
               CASE WHEN kind IN ('reserved', 'released') THEN 0 ELSE quantity END,
               CASE WHEN kind IN ('reserved', 'released') THEN quantity ELSE 0 END, 0, NULL
          FROM inventory_stockmovement
         WHERE tenant_id = %(tenant)s
        UNION ALL
        SELECT stock_item_id, 0, 0, 0, 0, quantity, NULL FROM inventory_stockhold
         WHERE tenant_id = %(tenant)s) entry
 GROUP BY id
HAVING sum(on_hand) <> sum(moved) OR sum(reserved) <> sum(noted) OR sum(reserved) <> sum(held)
    OR sum(reserved) < 0 OR (sum(reserved) > sum(on_hand) AND NOT bool_or(backorder))
 ORDER BY id
"""


def find_differences() -> Iterator[dict[str, Any]]:
    """Items of the tenant whose counters are not the sums of ledger and holds, or out of bounds."""
    with connection.cursor() as cursor:
        cursor.execute(_DIFFERENCES, {"tenant": context.tenant_id()})
        for item, on_hand, reserved, moved, noted, held in cursor:
            yield {
                "stock_item_id": str(item),
                "on_hand": int(on_hand),
                "reserved": int(reserved),
                "ledger": int(moved),
                "ledger_reserved": int(noted),
                "held": int(held),
            }


@dataclass(frozen=True, slots=True)
class MovementSum:
    """Ledger entries taken together: how many, of how many causes, their units."""

    entries: int
    causes: int
    units: int


def sum_movements(*, cause_type: str, request_id: str) -> MovementSum:
    """The entries that one request or job wrote for one type of cause."""
    found = StockMovement.objects.filter(cause_type=cause_type, request_id=request_id).aggregate(
        entries=Count("id"), causes=Count("cause_id", distinct=True), units=Sum("quantity")
    )
    return MovementSum(found["entries"], found["causes"], int(found["units"] or 0))


def list_causes(*, cause_type: str, request_id: str) -> set[uuid.UUID]:
    """The causes of that type for which one request or job wrote entries."""
    entries = StockMovement.objects.filter(cause_type=cause_type, request_id=request_id)
    return set(entries.values_list("cause_id", flat=True))

"""Reads of orders."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Sum

from noren.orders.models import Customer, Order, OrderLine, OrderReturn, ReturnLine
from noren_kit.core import context
from noren_kit.db.planning import joins_of_whole_tables


def find_order(order_id: uuid.UUID) -> Order:
    """An order with its lines; raises `Order.DoesNotExist`."""
    order: Order = Order.objects.prefetch_related("lines").get(id=order_id)
    return order


# Every line of an order has moved its item's units once, a cancelled one's have come back once, a
# returned one's as far as they were put back on sale, and no movement names a line that is not
# there. One pass over the tables and one grouping: a join of them would be as slow as their
# product while a fresh table has no statistics yet.
_UNEXPLAINED_LINES = """
WITH entry AS (
    SELECT l.id, l.stock_item_id, 0 AS moved,
           CASE WHEN o.status = 'cancelled' THEN 0 ELSE l.quantity END AS taken
      FROM orders_orderline l
      JOIN orders_order o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
     WHERE l.tenant_id = %(tenant)s
    UNION ALL
    SELECT l.id, l.stock_item_id, 0, -b.quantity
      FROM orders_returnline b
      JOIN orders_orderreturn r ON r.tenant_id = b.tenant_id AND r.id = b.order_return_id
      JOIN orders_orderline l ON l.tenant_id = b.tenant_id AND l.id = b.order_line_id
     WHERE b.tenant_id = %(tenant)s AND r.restock
    UNION ALL
    SELECT cause_id, stock_item_id, quantity, 0 FROM inventory_stockmovement
     WHERE tenant_id = %(tenant)s AND cause_type = 'order_line'
), fault AS MATERIALIZED (
    SELECT id, sum(taken) AS taken, sum(moved) AS moved FROM entry
     GROUP BY id, stock_item_id HAVING sum(taken) + sum(moved) <> 0
)
SELECT f.id, o.order_number, o.external_number, f.taken, f.moved
  FROM fault f
  LEFT JOIN orders_orderline l ON l.tenant_id = %(tenant)s AND l.id = f.id
  LEFT JOIN orders_order o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
 ORDER BY f.id
"""


def find_unexplained_lines() -> Iterator[dict[str, Any]]:
    """Order lines whose stock movements are not what the order's state demands, in units."""
    with joins_of_whole_tables(), connection.cursor() as cursor:
        cursor.execute(_UNEXPLAINED_LINES, {"tenant": context.tenant_id()})
        found = cursor.fetchall()
    for line, number, external, taken, moved in found:
        yield {
            "order_line_id": str(line),
            "order_number": number or external,
            "should_have_moved": -int(taken),
            "moved": int(moved),
        }


def find_customers_by_external_id(external_ids: Collection[str]) -> dict[str, Customer]:
    """The tenant's live customers by their name in the system that they came from."""
    customers = Customer.objects.filter(external_id__in=list(external_ids))
    return {customer.external_id: customer for customer in customers}


def find_external_numbers(numbers: Collection[str], *, job_id: uuid.UUID | None = None) -> set[str]:
    """Which of these numbers of another system the tenant has an order or a return for.

    With `job_id`, one that this job brought in.
    """
    orders = Order.every.filter(external_number__in=list(numbers))
    returns = OrderReturn.objects.filter(external_number__in=list(numbers))
    if job_id is not None:
        orders = orders.filter(import_job_id=job_id)
        returns = returns.filter(import_job_id=job_id)
    found = orders.values_list("external_number").union(returns.values_list("external_number"))
    return {number for (number,) in found}


@dataclass(frozen=True, slots=True)
class ImportedSum:
    """What an import brought in as one thing; `amount` in the tenant's currency.

    `numbers` counts the other system's own; of a credit that is in part returns of orders, it
    counts with those.
    """

    numbers: int
    lines: int
    units: int
    amount: Decimal


_IMPORTED = """
SELECT o.kind, count(DISTINCT o.id) FILTER (WHERE r.external_number IS NULL), count(l.id),
       sum(l.quantity), sum(l.subtotal)
  FROM orders_order o
  JOIN orders_orderline l ON l.tenant_id = o.tenant_id AND l.order_id = o.id
  LEFT JOIN (SELECT DISTINCT external_number FROM orders_orderreturn
              WHERE tenant_id = %(tenant)s AND import_job_id = %(job)s) r
    ON r.external_number = o.external_number
 WHERE o.tenant_id = %(tenant)s AND o.import_job_id = %(job)s
 GROUP BY o.kind
UNION ALL
SELECT 'return', count(DISTINCT r.external_number), count(b.id), -sum(b.quantity),
       -sum(b.quantity * l.unit_price)
  FROM orders_orderreturn r
  JOIN orders_returnline b ON b.tenant_id = r.tenant_id AND b.order_return_id = r.id
  JOIN orders_orderline l ON l.tenant_id = b.tenant_id AND l.id = b.order_line_id
 WHERE r.tenant_id = %(tenant)s AND r.import_job_id = %(job)s
HAVING count(b.id) > 0
"""


def sum_imported(job_id: uuid.UUID) -> dict[str, ImportedSum]:
    """What a job brought in, counted over the stored lines, by kind of order and as `return`."""
    with joins_of_whole_tables(), connection.cursor() as cursor:
        cursor.execute(_IMPORTED, {"tenant": context.tenant_id(), "job": job_id})
        return {
            kind: ImportedSum(orders, lines, int(units), Decimal(int(amount)).scaleb(-3))
            for kind, orders, lines, units, amount in cursor
        }


def sum_units_imported(job_id: uuid.UUID) -> dict[uuid.UUID, int]:
    """Units that a job's orders sold of each product, less those credited and returned."""
    lines = OrderLine.objects.filter(order__import_job_id=job_id).order_by()
    returned = ReturnLine.objects.filter(order_return__import_job_id=job_id).order_by()
    with joins_of_whole_tables():
        units = dict(lines.values_list("product_id").annotate(units=Sum("quantity")))
        back = returned.values_list("order_line__product_id").annotate(units=Sum("quantity"))
        for product, quantity in back:
            units[product] -= quantity
    return units


def sum_units_returned(order_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Units that came back of each of these orders; those of which none did are left out."""
    rows = ReturnLine.objects.filter(order_return__order_id__in=list(order_ids)).order_by()
    return dict(rows.values_list("order_return__order_id").annotate(units=Sum("quantity")))

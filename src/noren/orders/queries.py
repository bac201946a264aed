"""Reads of orders."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from django.db import connection

from noren.orders.models import Order
from noren_kit.core import context


def find_order(order_id: uuid.UUID) -> Order:
    """An order with its lines; raises `Order.DoesNotExist`."""
    order: Order = Order.objects.prefetch_related("lines").get(id=order_id)
    return order


# Every line of every sale still standing has taken its units once; a cancelled one has given
# them back once.
_UNEXPLAINED_LINES = """
SELECT l.id, o.order_number, o.external_number, l.quantity, coalesce(m.total, 0)
  FROM orders_orderline l
  JOIN orders_order o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
  LEFT JOIN (SELECT cause_id, sum(quantity) AS total FROM inventory_stockmovement
              WHERE tenant_id = %(tenant)s AND cause_type = 'order_line'
              GROUP BY cause_id) m ON m.cause_id = l.id
 WHERE l.tenant_id = %(tenant)s
   AND coalesce(m.total, 0) <> CASE WHEN o.status = 'cancelled' THEN 0 ELSE -l.quantity END
 ORDER BY l.id
"""


def find_unexplained_lines() -> Iterator[dict[str, Any]]:
    """Order lines whose stock movements are not what the order's state demands."""
    with connection.cursor() as cursor:
        cursor.execute(_UNEXPLAINED_LINES, {"tenant": context.tenant_id()})
        for line, number, external, quantity, moved in cursor:
            yield {
                "order_line_id": str(line),
                "order_number": number or external,
                "quantity": quantity,
                "moved": int(moved),
            }

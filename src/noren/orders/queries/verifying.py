"""What must add up over all orders of the tenant; each query names the rows at fault.

Sums stand in sub-queries of their own before they meet, so that none is multiplied by a join.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db import connection

from noren_kit.core import context
from noren_kit.db.fields import MoneyField
from noren_kit.db.planning import joins_of_whole_tables

# The kind's sums of lines and of taxes, against the order's own.
_TOTALS = """
SELECT o.id, o.order_number, o.external_number, o.item_count, l.units, o.subtotal_amount, l.amount,
       o.subtotal_amount - o.discount_amount AS after_discount, t.base, o.tax_amount, t.tax,
       o.total_amount, t.gross
  FROM orders_order o
  LEFT JOIN (SELECT order_id, sum(quantity) AS units, sum(subtotal) AS amount
               FROM orders_orderline WHERE tenant_id = %(tenant)s GROUP BY order_id) l
    ON l.order_id = o.id
  LEFT JOIN (SELECT x.order_id, sum(x.tax) AS tax, sum(x.gross) AS gross,
                    sum(CASE WHEN y.prices_include_tax THEN x.gross ELSE x.net END) AS base
               FROM orders_ordertax x
               JOIN orders_order y ON y.tenant_id = x.tenant_id AND y.id = x.order_id
              WHERE x.tenant_id = %(tenant)s GROUP BY x.order_id) t
    ON t.order_id = o.id
 WHERE o.tenant_id = %(tenant)s
   AND (o.item_count, o.subtotal_amount, o.subtotal_amount - o.discount_amount, o.tax_amount,
        o.total_amount) IS DISTINCT FROM (l.units, l.amount, t.base, t.tax, t.gross)
 ORDER BY o.id
"""
_TOTALS_NAMES = (
    *("item_count", "units_of_lines", "subtotal_amount", "subtotals_of_lines"),
    *("after_discount", "amounts_of_rates", "tax_amount", "taxes_of_rates"),
    *("total_amount", "gross_of_rates"),
)

# Lines and taxes by rate: no rate without its row, none charged above its lines.
_RATES = """
SELECT o.id, o.order_number, o.external_number, coalesce(l.rate, t.rate), l.amount, t.base
  FROM (SELECT order_id, tax_rate AS rate, reduced, sum(subtotal) AS amount
          FROM orders_orderline WHERE tenant_id = %(tenant)s GROUP BY 1, 2, 3) l
  FULL JOIN (SELECT x.order_id, x.rate, x.reduced,
                    CASE WHEN y.prices_include_tax THEN x.gross ELSE x.net END AS base
               FROM orders_ordertax x
               JOIN orders_order y ON y.tenant_id = x.tenant_id AND y.id = x.order_id
              WHERE x.tenant_id = %(tenant)s) t
    ON t.order_id = l.order_id AND t.rate = l.rate AND t.reduced = l.reduced
  JOIN orders_order o ON o.tenant_id = %(tenant)s AND o.id = coalesce(l.order_id, t.order_id)
 WHERE l.amount IS NULL OR t.base IS NULL OR (o.kind = 'sale' AND t.base > l.amount)
 ORDER BY o.id
"""

# What an imported order was paid is no payment of ours.
_PAYMENTS = """
SELECT o.id, o.order_number, o.external_number, o.paid_amount, coalesce(p.paid, 0),
       o.refunded_amount, coalesce(p.refunded, 0)
  FROM orders_order o
  LEFT JOIN (SELECT order_id, sum(amount) FILTER (WHERE kind = 'payment') AS paid,
                    sum(amount) FILTER (WHERE kind = 'refund') AS refunded
               FROM orders_payment WHERE tenant_id = %(tenant)s GROUP BY order_id) p
    ON p.order_id = o.id
 WHERE o.tenant_id = %(tenant)s
   AND (o.refunded_amount <> coalesce(p.refunded, 0)
        OR o.paid_amount - coalesce(p.paid, 0) NOT IN
           (0, CASE WHEN o.external_number IS NULL THEN 0 ELSE o.total_amount END))
 ORDER BY o.id
"""

_RETURNS = """
SELECT o.id, o.order_number, o.external_number, o.returned_amount, coalesce(r.gross, 0),
       coalesce(r.of_rates, 0)
  FROM orders_order o
  LEFT JOIN (SELECT b.order_id, sum(b.gross) AS gross, sum(t.gross) AS of_rates
               FROM orders_orderreturn b
               LEFT JOIN (SELECT order_return_id, sum(gross) AS gross FROM orders_returntax
                           WHERE tenant_id = %(tenant)s GROUP BY 1) t ON t.order_return_id = b.id
              WHERE b.tenant_id = %(tenant)s GROUP BY b.order_id) r
    ON r.order_id = o.id
 WHERE o.tenant_id = %(tenant)s
   AND (o.returned_amount <> coalesce(r.gross, 0)
        OR coalesce(r.gross, 0) <> coalesce(r.of_rates, 0))
 ORDER BY o.id
"""

_UNITS = """
SELECT o.id, o.order_number, o.external_number, l.id, l.quantity, r.units
  FROM (SELECT order_line_id, sum(quantity) AS units FROM orders_returnline
         WHERE tenant_id = %(tenant)s GROUP BY 1) r
  JOIN orders_orderline l ON l.tenant_id = %(tenant)s AND l.id = r.order_line_id
  JOIN orders_order o ON o.tenant_id = %(tenant)s AND o.id = l.order_id
 WHERE r.units > l.quantity
 ORDER BY l.id
"""

# Each year's numbers are 1 to the last, each once.
_NUMBERS = """
WITH given AS (
    SELECT id, order_number, split_part(order_number, '-', 1) AS year,
           CASE WHEN order_number ~ '^[0-9]{4}-[0-9]{6,}$'
                THEN split_part(order_number, '-', 2)::bigint END AS number
      FROM orders_order WHERE tenant_id = %(tenant)s AND order_number IS NOT NULL
), placed AS (
    SELECT g.*, lag(g.number, 1, 0) OVER (PARTITION BY g.year ORDER BY g.number) AS before
      FROM given g WHERE g.number IS NOT NULL
)
SELECT g.id, g.order_number, 'not a number of this shop' FROM given g WHERE g.number IS NULL
UNION ALL
SELECT p.id, p.order_number,
       CASE WHEN p.number = p.before THEN 'given twice'
            ELSE (p.number - p.before - 1) || ' missing before it' END
  FROM placed p WHERE p.number <> p.before + 1
UNION ALL
SELECT NULL, n.year::text, 'the last number is ' || n.last || ', the highest given '
       || coalesce(max(p.number), 0)
  FROM orders_ordernumber n
  LEFT JOIN placed p ON p.year = n.year::text
 WHERE n.tenant_id = %(tenant)s
 GROUP BY n.year, n.last HAVING n.last <> coalesce(max(p.number), 0)
UNION ALL
SELECT NULL, p.year, 'numbers without a counter'
  FROM placed p
 WHERE NOT EXISTS (SELECT 1 FROM orders_ordernumber n
                    WHERE n.tenant_id = %(tenant)s AND n.year::text = p.year)
 GROUP BY p.year
"""

_BATCH = 1_000


def _stream(query: str) -> Iterator[tuple[Any, ...]]:
    """Rows as they are found, some at a time."""
    with joins_of_whole_tables(), connection.chunked_cursor() as cursor:
        cursor.execute(query, {"tenant": context.tenant_id()})
        while found := cursor.fetchmany(_BATCH):
            yield from found


def _shown(value: Any) -> Any:
    if isinstance(value, uuid.UUID):
        return str(value)
    return value if value is None or isinstance(value, int | str) else str(value)


def _amount(stored: Any) -> str | None:
    return None if stored is None else str(Decimal(int(stored)).scaleb(-MoneyField.places))


def find_wrong_totals() -> Iterator[dict[str, Any]]:
    """Orders whose sums are not those of their lines and of their taxes."""
    for order, number, external, *sums in _stream(_TOTALS):
        units = [None if each is None else int(each) for each in sums[:2]]
        values = [*units, *map(_amount, sums[2:])]
        facts = dict(zip(_TOTALS_NAMES, values, strict=True))
        yield {"order_id": str(order), "order_number": number or external, **facts}


def find_wrong_rates() -> Iterator[dict[str, Any]]:
    """Rates of orders that have lines and no amounts, or amounts and no lines, or too much."""
    for order, number, external, rate, listed, charged in _stream(_RATES):
        yield {
            "order_id": str(order),
            "order_number": number or external,
            "rate": str(rate),
            "subtotals_of_lines": _amount(listed),
            "charged": _amount(charged),
        }


def find_wrong_payments() -> Iterator[dict[str, Any]]:
    """Orders whose paid and refunded sums are not those of their payments."""
    for order, number, external, *sums in _stream(_PAYMENTS):
        names = ("paid_amount", "payments", "refunded_amount", "refunds")
        facts = dict(zip(names, map(_amount, sums), strict=True))
        yield {"order_id": str(order), "order_number": number or external, **facts}


def find_wrong_returns() -> Iterator[dict[str, Any]]:
    """Orders whose returned sum is not that of their returns, or those not of their taxes."""
    for order, number, external, *sums in _stream(_RETURNS):
        names = ("returned_amount", "returns", "taxes_of_returns")
        facts = dict(zip(names, map(_amount, sums), strict=True))
        yield {"order_id": str(order), "order_number": number or external, **facts}


def find_overreturned_lines() -> Iterator[dict[str, Any]]:
    """Lines of which more units came back than were sold."""
    for order, number, external, line, sold, back in _stream(_UNITS):
        yield {
            "order_id": str(order),
            "order_number": number or external,
            "order_line_id": str(line),
            "sold": int(sold),
            "returned": int(back),
        }


def find_wrong_numbers() -> Iterator[dict[str, Any]]:
    """Order numbers that are missing, doubled, or past what the tenant's counter says."""
    for order, number, fault in _stream(_NUMBERS):
        yield {"order_id": _shown(order), "order_number": number, "fault": fault}

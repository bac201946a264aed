"""Counters on products that are kept, not counted: sales and ratings."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping

from django.db import connection

from noren_kit.core import context

_SALES = """
UPDATE catalog_product p SET total_sales = greatest(p.total_sales + s.quantity, 0)
  FROM unnest(%(ids)s::uuid[], %(quantities)s::bigint[]) AS s(id, quantity)
 WHERE p.tenant_id = %(tenant)s AND p.id = s.id
"""

_RATINGS = """
UPDATE catalog_product p
   SET review_count = r.reviews, average_rating = r.average
  FROM (SELECT c.id, count(v.id) AS reviews, coalesce(round(avg(v.rating) * 100), 0) AS average
          FROM catalog_product c
          LEFT JOIN catalog_review v
            ON v.tenant_id = c.tenant_id AND v.product_id = c.id AND v.deleted_at IS NULL
         WHERE c.tenant_id = %(tenant)s AND c.id = ANY(%(ids)s)
         GROUP BY c.id) r
 WHERE p.tenant_id = %(tenant)s AND p.id = r.id
"""


def count_sales(quantities: Mapping[uuid.UUID, int]) -> None:
    """Add units to the products' `total_sales` (negative: take back); one statement.

    To be called in the transaction of the sale, after its stock has moved: the locks on the
    stock items keep sales of the same products apart, so these rows need no order of their own.
    Not a change of the product itself: `updated_at` stays.
    """
    if not quantities:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _SALES,
            {
                "tenant": context.tenant_id(),
                "ids": list(quantities),
                "quantities": list(quantities.values()),
            },
        )


def refresh_ratings(product_ids: Collection[uuid.UUID]) -> None:
    """Recompute `review_count` and `average_rating` from the live reviews."""
    with connection.cursor() as cursor:
        cursor.execute(_RATINGS, {"tenant": context.tenant_id(), "ids": list(product_ids)})

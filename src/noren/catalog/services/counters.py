"""Counters on products that are kept, not counted: sales and ratings."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping

from django.db import connection

from noren_kit.core import context
from noren_kit.db.arrays import plain_array
from noren_kit.db.prepared import execute

_SALES = """
UPDATE catalog_product p SET total_sales = greatest(p.total_sales + s.quantity, 0)
  FROM unnest((SELECT %(ids)s::uuid[]), (SELECT %(quantities)s::bigint[])) AS s(id, quantity)
 WHERE p.tenant_id = %(tenant)s AND p.id = s.id
"""

_COUNT = """
UPDATE catalog_product p
   SET review_count = p.review_count + %(reviews)s,
       rating_sum = p.rating_sum + %(sum)s,
       average_rating = coalesce(
           (200 * (p.rating_sum + %(sum)s) + p.review_count + %(reviews)s)
           / nullif(2 * (p.review_count + %(reviews)s), 0), 0)
 WHERE p.tenant_id = %(tenant)s AND p.id = %(product)s
"""

_RECOUNT = """
UPDATE catalog_product p
   SET review_count = r.reviews, rating_sum = r.total,
       average_rating = coalesce((200 * r.total + r.reviews) / nullif(2 * r.reviews, 0), 0)
  FROM (SELECT c.id, count(v.id) AS reviews, coalesce(sum(v.rating), 0)::bigint AS total
          FROM catalog_product c
          LEFT JOIN catalog_review v
            ON v.tenant_id = c.tenant_id AND v.product_id = c.id AND v.deleted_at IS NULL
           AND v.status = 'approved'
         WHERE c.tenant_id = %(tenant)s AND c.id = ANY(%(ids)s)
         GROUP BY c.id) r
 WHERE p.tenant_id = %(tenant)s AND p.id = r.id
"""


def count_sales(quantities: Mapping[uuid.UUID, int]) -> None:
    """Add units to the products' `total_sales` (negative: take back); one statement.

    Units of variants count for their product. To be called in the transaction of the sale, after
    its stock has moved: the locks on the products' own stock items, which sales of variants take
    too, keep sales of the same products apart, so these rows need no order of their own.
    Not a change of the product itself: `updated_at` stays.
    """
    if not quantities:
        return
    execute(
        _SALES,
        {
            "tenant": context.tenant_id(),
            "ids": plain_array(quantities),
            "quantities": plain_array(quantities.values()),
        },
    )


def count_review(product_id: uuid.UUID, *, reviews: int, rating: int) -> None:
    """Add reviews and the sum of their ratings to the product's counters; negative: take away.

    One statement, relative to what the row holds when its turn comes, so writers at once all
    count. The mean is rounded half up to hundredths. To be called last in the transaction, for
    the product's row is then held until it ends. `updated_at` stays, as with sales.
    """
    if not reviews and not rating:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT,
            {
                "tenant": context.tenant_id(),
                "product": product_id,
                "reviews": reviews,
                "sum": rating,
            },
        )


def refresh_ratings(product_ids: Collection[uuid.UUID]) -> None:
    """Count the approved reviews of these products anew, after they were written in bulk."""
    with connection.cursor() as cursor:
        cursor.execute(_RECOUNT, {"tenant": context.tenant_id(), "ids": list(product_ids)})

"""Counters on products that are kept, not counted: sales and ratings."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping

from django.db import connection

from noren.catalog.models import Product
from noren.inventory.services import count_sold
from noren_kit.core import context

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
    """Add units to the products' `total_sales` (negative: take back), units of variants included.

    For sales that were brought in by the thousand. Those of today are counted where their stock
    is moved (`move_stock`), for the counter stands beside it. Not a change of the product itself:
    its row is not touched.
    """
    if not quantities:
        return
    items = Product.every.filter(id__in=list(quantities)).values_list("id", "stock_item_id")
    count_sold({item: quantities[product] for product, item in items})


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

"""JSON of variants and reviews that PostgreSQL makes, for FastAPI and for the limit.

`p` is the row of shop_product whose detail they stand in.
"""

from __future__ import annotations


def availability(row: str) -> str:
    return f"""CASE WHEN {row}.stock_quantity > 10 THEN 'in_stock'
            WHEN {row}.stock_quantity > 0 THEN 'low_stock' ELSE 'out_of_stock' END"""


# What of a variant is still while it sells.
STILL_OF_VARIANT = """v.id, v.name, v.sku, coalesce(v.price, p.price)::text AS price, v.options"""

ACTIVE_VARIANTS = f"""
coalesce((SELECT json_agg(row_to_json(w))
            FROM (SELECT {STILL_OF_VARIANT}, v.stock_quantity,
                         {availability("v")} AS availability_status
                    FROM shop_variant v WHERE v.product_id = p.id AND v.is_active
                   ORDER BY v.created_at, v.id) w), '[]')
"""

RECENT_REVIEWS = """
coalesce((SELECT json_agg(row_to_json(w))
            FROM (SELECT r.id, coalesce(u.name, r.reviewer_name) AS reviewer_name, r.rating,
                         r.title, r.comment, iso(r.created_at) AS created_at
                    FROM shop_review r LEFT JOIN shop_user u ON u.id = r.reviewer_id
                   WHERE r.product_id = p.id AND r.status = 'approved'
                   ORDER BY r.created_at DESC, r.id DESC LIMIT 5) w), '[]')
"""

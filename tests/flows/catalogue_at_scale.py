"""A catalogue of a million products, written by PostgreSQL itself.

As administrator, past triggers and policies, into tables whose indexes are built afterwards:
the API would take hours. What triggers keep beside a product (its claim to its sku, its ledger)
is left out, so this is for reading alone. The same at every run.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

# Of every hundred products: 70 on sale, 20 drafts, 10 in the archive; 3 are deleted, 90 without
# a review, 80 never sold. Categories and brands are of all sizes; the last of each is given up:
# its products are a hundredth of all, and all old.
_PRODUCTS: LiteralString = """
WITH drawn AS (
    SELECT i, md5(i::text) AS hash,
           timestamptz '2024-10-01' + interval '2 years' * (i::float8 / %(count)s) AS made,
           random() AS changed, random() AS gone, random() AS named, random() AS priced,
           random() AS state, random() AS kind, random() AS maker, random() AS rated,
           random() AS stars, random() AS sold, random() AS stocked
      FROM generate_series(1, %(count)s) AS i
), product AS (
    SELECT *, i < %(count)s * 0.02 AND kind < 0.5 AS old_kind,
           i < %(count)s * 0.02 AND maker < 0.5 AS old_maker,
           (lpad(to_hex((extract(epoch FROM made) * 1000)::bigint), 12, '0') || '7'
            || substr(hash, 1, 3) || '8' || substr(hash, 4, 15))::uuid AS id
      FROM drawn
), stock AS (
    INSERT INTO inventory_stockitem (tenant_id, id, on_hand, reserved, sold)
    SELECT %(tenant)s, id, CASE WHEN stocked < 0.1 THEN 0 ELSE floor(stocked * 500) END, 0,
           CASE WHEN sold < 0.8 THEN 0 ELSE floor(exp(sold * 8)) END
      FROM product
)
INSERT INTO catalog_product (
    tenant_id, id, created_at, updated_at, deleted_at, name, description, sku, price, status,
    category_id, brand_id, stock_item_id, image, review_count, average_rating, rating_sum)
SELECT %(tenant)s, id, made,
       made + CASE WHEN changed < 0.3 THEN interval '0' ELSE interval '100 days' * changed END,
       CASE WHEN gone < 0.03 THEN made + interval '1 day' END,
       (%(words)s::text[])[1 + floor(cardinality(%(words)s::text[]) * named)] || ' ' || i %% 5000,
       repeat(hash || ' ', 3), 'S' || i,
       floor(100 * exp(priced * 7)) * 1000,
       CASE WHEN state < 0.7 THEN 'active' WHEN state < 0.9 THEN 'draft' ELSE 'archived' END,
       (%(categories)s::uuid[])[CASE WHEN old_kind THEN cardinality(%(categories)s::uuid[])
           ELSE 1 + floor((cardinality(%(categories)s::uuid[]) - 1) * kind * kind) END],
       (%(brands)s::uuid[])[CASE WHEN old_maker THEN cardinality(%(brands)s::uuid[])
           WHEN maker < 0.9
           THEN 1 + floor((cardinality(%(brands)s::uuid[]) - 1) * maker * maker) END],
       id, '',
       CASE WHEN rated < 0.9 THEN 0 ELSE 4 END,
       CASE WHEN rated < 0.9 THEN 0 ELSE 100 + floor(stars * 17) * 25 END,
       CASE WHEN rated < 0.9 THEN 0 ELSE 4 + floor(stars * 17) END
  FROM product
"""
# What the triggers would have counted.
_COUNTED = """
INSERT INTO tenancy_revision (tenant_id, id, collection, number, live)
VALUES (%s, gen_random_uuid(), 'catalog_product', 1, %s)
ON CONFLICT (tenant_id, collection) DO UPDATE SET live = EXCLUDED.live
"""
_WORDS = ["tea", "pot", "cup", "whisk", "tray", "bowl", "jar", "kettle", "spoon", "mat", "tin"]
_TABLES = ("catalog_product", "inventory_stockitem")


@dataclass(frozen=True)
class Stocking:
    """How many products a tenant gets, and of which categories and brands."""

    count: int
    categories: Sequence[uuid.UUID]
    brands: Sequence[uuid.UUID]


def write_catalogue(
    admin: psycopg.Connection[Any], stockings: Mapping[uuid.UUID, Stocking]
) -> None:
    """The products of each tenant; statistics and visibility maps as autovacuum leaves them."""
    with admin.transaction(), _indexed_afterwards(admin):
        admin.execute("SET LOCAL session_replication_role = replica")
        admin.execute("SELECT setseed(0.4)")
        for tenant, stocking in stockings.items():
            values = {
                "tenant": tenant,
                "count": stocking.count,
                "words": _WORDS,
                "categories": list(stocking.categories),
                "brands": list(stocking.brands),
            }
            admin.execute(_PRODUCTS, values)
            admin.execute(_COUNTED, [tenant, stocking.count])
    admin.execute("VACUUM (ANALYZE) catalog_product, inventory_stockitem")
    admin.execute("ANALYZE catalog_category, catalog_brand, accounts_user")


def write_terms(admin: psycopg.Connection[Any], tenant: uuid.UUID, resource: int) -> None:
    """Of three of the words that products are named with, what triggers would have indexed."""
    admin.execute(
        "INSERT INTO search_term (tenant_id, id, resource, term, weight)"
        " SELECT tenant_id, id, %s, split_part(name, ' ', 1), 1 FROM catalog_product"
        " WHERE tenant_id = %s AND deleted_at IS NULL"
        " AND split_part(name, ' ', 1) = ANY ('{tea,tray,kettle}')",
        [resource, tenant],
    )
    admin.execute("VACUUM (ANALYZE) search_term")


@contextmanager
def _indexed_afterwards(admin: psycopg.Connection[Any]) -> Iterator[None]:
    """Without the indexes that no constraint needs, until the block ends."""
    found = admin.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indrelid = ANY(%s::regclass[])"
        " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)",
        [list(_TABLES)],
    ).fetchall()
    for name, _definition in found:
        admin.execute(f"DROP INDEX {name}".encode())
    yield
    admin.execute("SET LOCAL maintenance_work_mem = '512MB'")
    for _name, definition in found:
        admin.execute(definition.encode())

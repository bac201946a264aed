"""The measured tenant's rows as plain DRF has them, out of Noren's tables."""

from __future__ import annotations

from typing import Any

import psycopg

TOKEN_KEY = "0123456789abcdef0123456789abcdef01234567"
# Whoever signs in to the baselines; Noren's caller is the same person.
USERNAME = "bench-manager"

_OF_TENANT = "tenant_id = (SELECT id FROM tenancy_tenant WHERE slug = 'bench')"
_MONEY = "round(price / 1000.0, 2)"


def _of_item(value: str) -> str:
    return f"""(SELECT {value} FROM inventory_stockitem s
                 WHERE s.tenant_id = p.tenant_id AND s.id = p.stock_item_id)"""


_UNITS = _of_item("s.on_hand - s.reserved")
# What is filled, and from where.
_TABLES = {
    "shop_user (id, username, name, email, password, first_name, last_name, is_active, is_staff,"
    " is_superuser, date_joined)": """
        SELECT u.id, u.username, u.name, u.email, '!', '', '', true, false, false, u.created_at
          FROM accounts_user u""",
    "authtoken_token (key, created, user_id)": f"""
        SELECT '{TOKEN_KEY}', now(), id FROM accounts_user WHERE username = '{USERNAME}'""",
    "shop_category (id, name, tax_rate)": f"""
        SELECT id, name, tax_rate FROM catalog_category WHERE {_OF_TENANT}""",
    "shop_brand (id, name)": f"SELECT id, name FROM catalog_brand WHERE {_OF_TENANT}",
    "shop_supplier (id, code, name)": f"""
        SELECT id, code, name FROM catalog_supplier WHERE {_OF_TENANT}""",
    "shop_tag (id, name)": f"SELECT id, name FROM catalog_tag WHERE {_OF_TENANT}",
    "shop_customer (id, created_at, updated_at, created_by_id, updated_by_id, name, email)": f"""
        SELECT id, created_at, updated_at, created_by_id, updated_by_id, name, email
          FROM orders_customer WHERE {_OF_TENANT}""",
    "shop_product (id, created_at, updated_at, created_by_id, updated_by_id, name, description,"
    " sku, price, status, category_id, brand_id, supplier_id, stock_quantity, backorder, image,"
    " review_count, average_rating, total_sales)": f"""
        SELECT id, created_at, updated_at, created_by_id, updated_by_id, name, description, sku,
               {_MONEY}, status, category_id, brand_id, supplier_id,
               {_UNITS}, {_of_item("s.backorder")}, image, review_count,
               round(average_rating / 100.0, 2), {_of_item("s.sold")}
          FROM catalog_product p WHERE {_OF_TENANT} ORDER BY id""",
    "shop_product_tags (product_id, tag_id)": f"""
        SELECT product_id, tag_id FROM catalog_producttag WHERE {_OF_TENANT} ORDER BY id""",
    "shop_variant (id, created_at, updated_at, created_by_id, updated_by_id, product_id, name, sku,"
    " price, is_active, options, stock_quantity)": f"""
        SELECT id, created_at, updated_at, created_by_id, updated_by_id, product_id, name, sku,
               {_MONEY}, is_active, options, {_UNITS}
          FROM catalog_variant p WHERE {_OF_TENANT} ORDER BY id""",
    "shop_review (id, created_at, updated_at, created_by_id, updated_by_id, product_id,"
    " reviewer_id, reviewer_name, rating, title, comment, status)": f"""
        SELECT id, created_at, updated_at, created_by_id, updated_by_id, product_id, reviewer_id,
               reviewer_name, rating, title, comment, status
          FROM catalog_review WHERE {_OF_TENANT} ORDER BY id""",
}


def copy_tables(source: psycopg.Connection[Any], target: psycopg.Connection[Any]) -> None:
    """Fill the baseline's empty tables; their keys were checked where the rows come from."""
    target.execute("SET session_replication_role = replica")
    for table, query in _TABLES.items():
        reading = source.cursor().copy(f"COPY ({query}) TO STDOUT".encode())
        writing = target.cursor().copy(f"COPY {table} FROM STDIN".encode())
        with reading as rows, writing as filled:
            for block in rows:
                filled.write(block)

"""The SQL of the FastAPI baseline."""

from baselines.shown import ACTIVE_VARIANTS, RECENT_REVIEWS

PERSON = """
SELECT u.id, u.name FROM authtoken_token t JOIN shop_user u ON u.id = t.user_id
 WHERE t.key = $1 AND u.is_active
"""

_COLUMNS = """
SELECT p.id::text, p.name, p.sku, p.price::text,
       trunc(p.price * (100 + c.tax_rate) / 100, 2)::text AS price_with_tax,
       p.category_id::text AS category, c.name AS category_name, p.brand_id::text AS brand,
       p.supplier_id::text AS supplier, p.status, p.status = 'active' AS is_active,
       p.stock_quantity, p.backorder, nullif(p.image, '') AS image_url,
       ARRAY(SELECT t.name FROM shop_product_tags l JOIN shop_tag t ON t.id = l.tag_id
              WHERE l.product_id = p.id) AS tags,
       p.review_count, p.average_rating::text, p.total_sales, p.created_at, p.updated_at,
       p.created_by_id::text, maker.name AS created_by_name,
       p.updated_by_id::text, changer.name AS updated_by_name{more}
  FROM {products}
  JOIN shop_category c ON c.id = p.category_id
  LEFT JOIN shop_user maker ON maker.id = p.created_by_id
  LEFT JOIN shop_user changer ON changer.id = p.updated_by_id
{ending}
"""
_NEWEST = "ORDER BY p.created_at DESC, p.id DESC"
# The page is found by the index alone; its rows are read afterwards.
_PAGE = (
    f"(SELECT p.id FROM shop_product p {{condition}} {_NEWEST} LIMIT 20 OFFSET $1) page"
    " JOIN shop_product p USING (id)"
)
_FOUND = "words @@ to_tsquery('simple', {number})"

COUNT = "SELECT count(*) FROM shop_product"
COUNT_FOUND = f"{COUNT} WHERE {_FOUND.format(number='$1')}"
PAGE = _COLUMNS.format(more="", products=_PAGE.format(condition=""), ending=_NEWEST)
PAGE_FOUND = _COLUMNS.format(
    more="",
    products=_PAGE.format(condition="WHERE " + _FOUND.format(number="$2")),
    ending=_NEWEST,
)
DETAIL = _COLUMNS.format(
    more=f""", p.description, {ACTIVE_VARIANTS}::text AS active_variants,
       {RECENT_REVIEWS}::text AS recent_reviews""",
    products="shop_product p",
    ending="WHERE p.id = $1::uuid",
)
PATCH = """
UPDATE shop_product SET price = $2, updated_at = now(), updated_by_id = $3 WHERE id = $1::uuid
"""

CUSTOMER = "SELECT id, name, email FROM shop_customer WHERE id = $1::uuid"
LOCK = """
SELECT p.id, p.name, p.sku, p.price, c.tax_rate
  FROM shop_product p JOIN shop_category c ON c.id = p.category_id
 WHERE p.id = ANY($1::uuid[]) AND p.status = 'active' ORDER BY p.id FOR NO KEY UPDATE OF p
"""
TAKE = """
UPDATE shop_product p
   SET stock_quantity = p.stock_quantity - w.quantity, total_sales = p.total_sales + w.quantity
  FROM (SELECT id, sum(quantity)::bigint AS quantity
          FROM unnest($1::uuid[], $2::bigint[]) AS i(id, quantity) GROUP BY id) w
 WHERE p.id = w.id AND (p.backorder OR p.stock_quantity >= w.quantity)
RETURNING p.id
"""
NUMBER = """
INSERT INTO shop_ordernumber (year, last) VALUES (extract(year FROM now()), 1)
ON CONFLICT (year) DO UPDATE SET last = shop_ordernumber.last + 1 RETURNING year, last
"""
ORDER = """
INSERT INTO shop_order
       (id, created_at, updated_at, placed_at, created_by_id, updated_by_id, kind, order_number,
        customer_id, customer_name, customer_email, status, payment_status, currency, item_count,
        subtotal_amount, discount_amount, tax_amount, total_amount, paid_amount, refunded_amount,
        returned_amount, shipping_address, billing_address, notes)
VALUES ($1, now(), now(), now(), $2, $2, 'sale', $3, $4, $5, $6, 'placed', 'unpaid', 'EUR', $7,
        $8, 0, $9, $10, 0, 0, 0, '', '', '')
RETURNING created_at
"""
LINE = """
INSERT INTO shop_orderline
       (id, order_id, position, product_id, name, sku, quantity, unit_price, tax_rate, reduced,
        subtotal)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
TAX = """
INSERT INTO shop_ordertax (id, order_id, rate, reduced, net, tax, gross)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""

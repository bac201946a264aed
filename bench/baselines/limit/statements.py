"""The SQL of both variants of the limit."""

from baselines.shown import ACTIVE_VARIANTS, RECENT_REVIEWS, STILL_OF_VARIANT, availability

PERSON = """
SELECT t.user_id FROM authtoken_token t JOIN shop_user u ON u.id = t.user_id
 WHERE t.key = %s AND u.is_active
"""
ORDER = "SELECT place_order(%s, %s, %s::uuid[], %s::bigint[])"
PRICE = "UPDATE shop_product SET price = %s, updated_at = now(), updated_by_id = %s WHERE id = %s"

_MOVING = f"""p.stock_quantity, {availability("p")} AS availability_status, p.total_sales"""
_STILL = """p.id, p.name, p.sku, p.price::text AS price,
       trunc(p.price * (100 + c.tax_rate) / 100, 2)::text AS price_with_tax,
       p.category_id AS category, c.name AS category_name, p.brand_id AS brand,
       p.supplier_id AS supplier, p.status, p.status = 'active' AS is_active,
       p.backorder, nullif(p.image, '') AS image_url,
       coalesce((SELECT json_agg(t.name) FROM shop_product_tags l JOIN shop_tag t
                     ON t.id = l.tag_id WHERE l.product_id = p.id), '[]') AS tags,
       p.review_count, p.average_rating::text AS average_rating,
       iso(p.created_at) AS created_at, iso(p.updated_at) AS updated_at,
       CASE WHEN maker.id IS NOT NULL
            THEN json_build_object('id', maker.id, 'name', maker.name) END AS created_by,
       CASE WHEN changer.id IS NOT NULL
            THEN json_build_object('id', changer.id, 'name', changer.name) END AS updated_by"""
_JOINS = """JOIN shop_category c ON c.id = p.category_id
  LEFT JOIN shop_user maker ON maker.id = p.created_by_id
  LEFT JOIN shop_user changer ON changer.id = p.updated_by_id"""
_NEWEST = "ORDER BY p.created_at DESC, p.id DESC"
_FOUND = "WHERE words @@ to_tsquery('simple', %(words)s)"


def _counted(condition: str) -> str:
    return f"(SELECT count(*) FROM shop_product {condition})"


def _made(condition: str) -> str:
    """A count and a page of rows, made JSON when they are read."""
    return f"""
SELECT {_counted(condition)},
       (SELECT coalesce(json_agg(row_to_json(r)), '[]')::text
          FROM (SELECT {_STILL}, {_MOVING}
                  FROM (SELECT p.id FROM shop_product p {condition} {_NEWEST}
                         LIMIT 20 OFFSET %(offset)s) page
                  JOIN shop_product p USING (id) {_JOINS} {_NEWEST}) r)
"""


def _units(row: str) -> str:
    """What of a row moves with every sale, to follow a kept text that lacks its bracket."""
    return f"""',"stock_quantity":' || {row}.stock_quantity
       || ',"availability_status":"' || {availability(row)} || '"' """


def _spliced(text: str) -> str:
    """A kept document with what moves with a sale; its last bracket is still missing."""
    return f"""d.{text} || {_units("p")} || ',"total_sales":' || p.total_sales"""


def _stored(count: str, page: str) -> str:
    """A count and a page of kept documents; `page` selects their `product_id`."""
    return f"""
SELECT {count},
       (SELECT '[' || coalesce(string_agg({_spliced("list_text")} || '}}', ','
                   ORDER BY d.created_at DESC, d.product_id DESC), '') || ']'
          FROM ({page} LIMIT 20 OFFSET %(offset)s) page
          JOIN product_document d USING (product_id) JOIN shop_product p ON p.id = d.product_id)
"""


def _kept(condition: str) -> str:
    """Makes the documents of some products, and of their variants."""
    return f"""
INSERT INTO product_document
       (product_id, created_at, list_text, detail_text, variant_ids, variant_texts)
SELECT r.id, r.at, left(r.row, -1), left(r.row, -1) || left(r.more, -1),
       r.variant_ids, r.variant_texts
  FROM (SELECT p.id, p.created_at AS at,
               (SELECT row_to_json(s)::text FROM (SELECT {_STILL}) s) AS row,
               (SELECT ',' || substr(row_to_json(s)::text, 2)
                  FROM (SELECT p.description, {RECENT_REVIEWS} AS recent_reviews) s) AS more,
               k.variant_ids, k.variant_texts
          FROM shop_product p {_JOINS},
       LATERAL (SELECT array_agg(w.id ORDER BY w.created_at, w.id) AS variant_ids,
                       array_agg(w.text ORDER BY w.created_at, w.id) AS variant_texts
                  FROM (SELECT v.id, v.created_at,
                               left((SELECT row_to_json(s)::text
                                       FROM (SELECT {STILL_OF_VARIANT}) s), -1) AS text
                          FROM shop_variant v WHERE v.product_id = p.id AND v.is_active) w) k
         {condition}) r
"""


MADE_PAGE, MADE_FOUND = _made(""), _made(_FOUND)
MADE_DETAIL = f"""
SELECT row_to_json(r)::text
  FROM (SELECT {_STILL}, {_MOVING}, p.description, {ACTIVE_VARIANTS} AS active_variants,
               {RECENT_REVIEWS} AS recent_reviews
          FROM shop_product p {_JOINS} WHERE p.id = %s) r
"""
STORED_PAGE = _stored(
    "(SELECT products FROM product_count)",
    "SELECT product_id FROM product_document ORDER BY created_at DESC, product_id DESC",
)
STORED_FOUND = _stored(
    _counted(_FOUND), f"SELECT id AS product_id FROM shop_product p {_FOUND} {_NEWEST}"
)
STORED_DETAIL = f"""
SELECT {_spliced("detail_text")} || ',"active_variants":['
       || coalesce((SELECT string_agg(k.text || {_units("v")} || '}}', ',' ORDER BY k.position)
                      FROM unnest(d.variant_ids, d.variant_texts) WITH ORDINALITY
                           AS k(id, text, position)
                      JOIN shop_variant v ON v.id = k.id), '') || ']}}'
  FROM product_document d JOIN shop_product p ON p.id = d.product_id WHERE d.product_id = %s
"""
KEEP_ALL = _kept("")
COUNT_ALL = "INSERT INTO product_count SELECT count(*) FROM shop_product"
KEEP_ONE = (
    _kept("WHERE p.id = %s")
    + """ON CONFLICT (product_id) DO UPDATE
    SET list_text = excluded.list_text, detail_text = excluded.detail_text,
        variant_ids = excluded.variant_ids, variant_texts = excluded.variant_texts"""
)

-- What the limit and FastAPI have beyond the tables of plain DRF: words to search, documents
-- kept ready, a row that holds the count, and an order in one call.
ALTER TABLE shop_product ADD COLUMN words tsvector
    GENERATED ALWAYS AS (to_tsvector('simple', name || ' ' || description || ' ' || sku)) STORED;
CREATE INDEX shop_product_words ON shop_product USING gin (words);

CREATE FUNCTION iso(timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_char($1 AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- What changes with a sale (stock and its words, total_sales) is spliced in when it is read, for
-- the active variants too, in whose order the arrays are; null where there are none.
CREATE TABLE product_document (
    product_id uuid PRIMARY KEY REFERENCES shop_product ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    list_text text NOT NULL,
    detail_text text NOT NULL,
    variant_ids uuid[],
    variant_texts text[]
);
CREATE INDEX product_document_newest ON product_document (created_at DESC, product_id DESC);
CREATE TABLE product_count (products bigint NOT NULL);

CREATE FUNCTION place_order(customer uuid, actor uuid, ids uuid[], quantities bigint[])
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    buyer shop_customer%ROWTYPE;
    person jsonb;
    number text;
    changed bigint;
    answer text;
BEGIN
    SELECT * INTO STRICT buyer FROM shop_customer c WHERE c.id = customer;
    SELECT jsonb_build_object('id', u.id, 'name', u.name) INTO person
      FROM shop_user u WHERE u.id = actor;
    PERFORM FROM shop_product p WHERE p.id = ANY(ids) ORDER BY p.id FOR NO KEY UPDATE;
    UPDATE shop_product p
       SET stock_quantity = p.stock_quantity - w.quantity,
           total_sales = p.total_sales + w.quantity
      FROM (SELECT i.id, sum(i.quantity)::bigint AS quantity
              FROM unnest(ids, quantities) AS i(id, quantity) GROUP BY i.id) w
     WHERE p.id = w.id AND p.status = 'active'
       AND (p.backorder OR p.stock_quantity >= w.quantity);
    GET DIAGNOSTICS changed = ROW_COUNT;
    IF changed < (SELECT count(DISTINCT i) FROM unnest(ids) i) THEN
        RAISE EXCEPTION 'not enough stock';
    END IF;
    INSERT INTO shop_ordernumber AS n (year, last) VALUES (extract(year FROM now()), 1)
    ON CONFLICT (year) DO UPDATE SET last = n.last + 1
    RETURNING n.year || '-' || lpad(n.last::text, greatest(6, length(n.last::text)), '0')
         INTO number;
    WITH line AS MATERIALIZED (
        SELECT uuidv7() AS id, i.position, p.id AS product_id, p.name, p.sku, i.quantity,
               p.price, c.tax_rate, c.tax_rate > 0 AND c.tax_rate < 20 AS reduced,
               p.price * i.quantity AS subtotal
          FROM unnest(ids, quantities) WITH ORDINALITY AS i(product_id, quantity, position)
          JOIN shop_product p ON p.id = i.product_id
          JOIN shop_category c ON c.id = p.category_id
    ), tax AS MATERIALIZED (
        SELECT l.tax_rate AS rate, l.reduced, sum(l.subtotal) AS net,
               trunc(sum(l.subtotal) * l.tax_rate / 100, 2) AS tax
          FROM line l GROUP BY l.tax_rate, l.reduced
    ), total AS (
        SELECT (SELECT sum(l.quantity) FROM line l) AS units,
               sum(t.net) AS net, sum(t.tax) AS tax FROM tax t
    ), placed AS (
        INSERT INTO shop_order
               (id, created_at, updated_at, placed_at, created_by_id, updated_by_id, kind,
                order_number, customer_id, customer_name, customer_email, status,
                payment_status, currency, item_count, subtotal_amount, discount_amount,
                tax_amount, total_amount, paid_amount, refunded_amount, returned_amount,
                shipping_address, billing_address, notes)
        SELECT uuidv7(), now(), now(), now(), actor, actor, 'sale', number, buyer.id, buyer.name,
               buyer.email, 'placed', 'unpaid', 'EUR', units, net, 0, tax, net + tax, 0, 0, 0,
               '', '', ''
          FROM total
        RETURNING *
    ), lines AS (
        INSERT INTO shop_orderline
               (id, order_id, position, product_id, name, sku, quantity, unit_price, tax_rate,
                reduced, subtotal)
        SELECT l.id, o.id, l.position, l.product_id, l.name, l.sku, l.quantity, l.price,
               l.tax_rate, l.reduced, l.subtotal FROM line l, placed o
    ), taxes AS (
        INSERT INTO shop_ordertax (id, order_id, rate, reduced, net, tax, gross)
        SELECT uuidv7(), o.id, t.rate, t.reduced, t.net, t.tax, t.net + t.tax FROM tax t, placed o
    )
    SELECT json_build_object(
        'id', o.id, 'kind', o.kind, 'order_number', o.order_number,
        'external_number', o.external_number, 'customer', o.customer_id,
        'customer_email', o.customer_email, 'customer_name', o.customer_name,
        'status', o.status, 'payment_status', o.payment_status, 'placed_at', iso(o.placed_at),
        'item_count', o.item_count, 'subtotal_amount', o.subtotal_amount::text,
        'discount_amount', o.discount_amount::text, 'tax_amount', o.tax_amount::text,
        'total_amount', o.total_amount::text,
        'paid_amount', o.paid_amount::text, 'refunded_amount', o.refunded_amount::text,
        'returned_amount', o.returned_amount::text, 'currency', o.currency,
        'items', (SELECT json_agg(json_build_object(
            'id', l.id,
            'product', json_build_object('id', l.product_id, 'name', l.name,
                                         'price', l.price::text, 'sku', l.sku),
            'variant', NULL,
            'quantity', l.quantity, 'unit_price', l.price::text,
            'tax_rate', l.tax_rate::text, 'subtotal', l.subtotal::text)
            ORDER BY l.position) FROM line l),
        'tax_breakdown', (SELECT json_agg(json_build_object(
            'rate', t.rate::text, 'reduced', t.reduced, 'net', t.net::text,
            'tax', t.tax::text, 'gross', (t.net + t.tax)::text) ORDER BY t.rate DESC) FROM tax t),
        'shipping_address', o.shipping_address, 'billing_address', o.billing_address,
        'notes', o.notes, 'created_at', iso(o.created_at), 'updated_at', iso(o.updated_at),
        'created_by', person, 'updated_by', person)::text
      INTO answer FROM placed o;
    RETURN answer;
END
$$;

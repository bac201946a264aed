# ruff: noqa: S608  our own text
"""Locking stock items and moving them are two statements, and now one call (ADR 0009)."""

from django.db import migrations

_ARGUMENTS = """
    p_tenant uuid, p_movements uuid[], p_items uuid[], p_quantities bigint[], p_causes uuid[],
    p_sellers uuid[], p_units bigint[], p_kind text, p_reason text, p_cause_type text,
    p_now timestamptz, p_actor uuid, p_request text"""
# The update sees what others have committed while the locks were waited for: it is a statement of
# its own, with a snapshot of its own. An item that would fall below what is reserved is left out,
# and so is its ledger row: the caller compares.
_MOVE = f"""
CREATE FUNCTION noren_move_stock({_ARGUMENTS})
RETURNS TABLE (item_id uuid, units bigint, held bigint, change bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM inventory_stockitem s
      WHERE s.tenant_id = p_tenant AND s.id = ANY(p_items || p_sellers)
      ORDER BY s.id FOR NO KEY UPDATE;
    RETURN QUERY
    WITH input AS (
        SELECT * FROM unnest(p_movements, p_items, p_quantities, p_causes)
                   AS i(movement_id, stock_item_id, quantity, cause_id)
    ), total AS (
        SELECT e.stock_item_id, sum(e.quantity)::bigint AS quantity, sum(e.sold)::bigint AS sold
          FROM (SELECT i.stock_item_id, i.quantity, 0 AS sold FROM input i
                UNION ALL
                SELECT u.stock_item_id, 0, u.sold
                  FROM unnest(p_sellers, p_units) AS u(stock_item_id, sold)) AS e
         GROUP BY e.stock_item_id
    ), moved AS (
        UPDATE inventory_stockitem s
           SET on_hand = s.on_hand + t.quantity, sold = greatest(s.sold + t.sold, 0)
          FROM total t
         WHERE s.tenant_id = p_tenant AND s.id = t.stock_item_id
           AND (s.backorder OR s.on_hand + t.quantity >= s.reserved)
        RETURNING s.id, s.on_hand, s.reserved, t.quantity
    ), written AS (
        INSERT INTO inventory_stockmovement
               (tenant_id, id, stock_item_id, kind, quantity, reason, cause_type, cause_id,
                created_at, created_by_id, request_id)
        SELECT p_tenant, i.movement_id, i.stock_item_id, p_kind, i.quantity, p_reason,
               p_cause_type, i.cause_id, p_now, p_actor, p_request
          FROM input i JOIN moved m ON m.id = i.stock_item_id
    )
    SELECT m.id, m.on_hand, m.reserved, m.quantity FROM moved m;
END $$
"""
_TYPES = ", ".join(
    ["uuid", *["uuid[]"] * 2, "bigint[]", *["uuid[]"] * 2, "bigint[]"]
    + ["text"] * 3
    + ["timestamptz", "uuid", "text"]
)


class Migration(migrations.Migration):
    dependencies = [("inventory", "0008_history_by_row")]

    operations = [migrations.RunSQL(_MOVE, f"DROP FUNCTION noren_move_stock({_TYPES})")]

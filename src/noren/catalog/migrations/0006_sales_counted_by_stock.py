"""`total_sales` moves from the product's row to its stock item's, with what it counted."""

from django.db import migrations

import noren_kit.db.revisions

_BOTH = ("inventory_stockitem", "catalog_product")


def _past_policies(statement: str) -> list[str]:
    return [
        *(f"ALTER TABLE {each} NO FORCE ROW LEVEL SECURITY" for each in _BOTH),
        statement,
        # Shapes can't be changed while revisions wait to be settled.
        "SET CONSTRAINTS ALL IMMEDIATE",
        "SET CONSTRAINTS ALL DEFERRED",
        *(f"ALTER TABLE {each} FORCE ROW LEVEL SECURITY" for each in _BOTH),
    ]


_TO_STOCK = (
    "UPDATE inventory_stockitem s SET sold = p.total_sales FROM catalog_product p"
    " WHERE s.tenant_id = p.tenant_id AND s.id = p.stock_item_id AND p.total_sales > 0"
)
_BACK = (
    "UPDATE catalog_product p SET total_sales = s.sold FROM inventory_stockitem s"
    " WHERE s.tenant_id = p.tenant_id AND s.id = p.stock_item_id AND s.sold > 0"
)


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0005_search"),
        ("inventory", "0003_units_sold"),
    ]

    operations = [
        migrations.RunSQL(_past_policies(_TO_STOCK), _past_policies(_BACK)),
        migrations.RemoveConstraint(model_name="product", name="catalog_product_revised"),
        migrations.RemoveIndex(model_name="product", name="catalog_product_total_sales"),
        migrations.RemoveField(model_name="product", name="total_sales"),
        migrations.AddConstraint(
            model_name="product",
            constraint=noren_kit.db.revisions.Revised(
                collection="catalog_product", live=True, name="catalog_product_revised"
            ),
        ),
    ]

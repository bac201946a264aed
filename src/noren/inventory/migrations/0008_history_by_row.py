from django.db import migrations

import noren_kit.db.history


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0003_changes_by_row"),
        ("inventory", "0007_history_of_holds"),
        ("tenancy", "0009_bin"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="stockitem",
            name="inventory_stockitem_history",
        ),
        migrations.AddConstraint(
            model_name="stockitem",
            constraint=noren_kit.db.history.Recorded(
                by_row=True,
                ignored=["on_hand", "reserved", "sold"],
                name="inventory_stockitem_history",
                resource="inventory.stockitem",
            ),
        ),
    ]

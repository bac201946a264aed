from django.db import migrations

import noren_kit.db.revisions


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0003_revisions"),
        ("inventory", "0002_revisions"),
        ("orders", "0005_revisions"),
        ("tenancy", "0006_counting_revisions"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="orderline",
            constraint=noren_kit.db.revisions.Revised(
                collection="orders_order", name="orders_orderline_revised"
            ),
        ),
        migrations.AddConstraint(
            model_name="ordertax",
            constraint=noren_kit.db.revisions.Revised(
                collection="orders_order", name="orders_ordertax_revised"
            ),
        ),
    ]

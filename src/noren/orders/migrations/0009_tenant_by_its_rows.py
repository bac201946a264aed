"""A key that says the tenant too leaves nothing for a key of the tenant's alone to check."""

from django.db import migrations

import noren_kit.db.fields


class Migration(migrations.Migration):
    dependencies = [("orders", "0008_fewer_indexes")]

    operations = [
        migrations.AlterField(
            model_name="order",
            name="tenant",
            field=noren_kit.db.fields.TenantField(db_constraint=False),
        ),
        migrations.AlterField(
            model_name="orderline",
            name="tenant",
            field=noren_kit.db.fields.TenantField(db_constraint=False),
        ),
        migrations.AlterField(
            model_name="ordertax",
            name="tenant",
            field=noren_kit.db.fields.TenantField(db_constraint=False),
        ),
    ]

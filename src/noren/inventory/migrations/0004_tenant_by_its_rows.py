"""A key that says the tenant too leaves nothing for a key of the tenant's alone to check."""

from django.db import migrations

import noren_kit.db.fields


class Migration(migrations.Migration):
    dependencies = [("inventory", "0003_units_sold")]

    operations = [
        migrations.AlterField(
            model_name="stockmovement",
            name="tenant",
            field=noren_kit.db.fields.TenantField(db_constraint=False),
        ),
    ]

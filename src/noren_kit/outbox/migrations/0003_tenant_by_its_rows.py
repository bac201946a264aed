"""A key that says the tenant too leaves nothing for a key of the tenant's alone to check."""

from django.db import migrations

import noren_kit.db.fields


class Migration(migrations.Migration):
    dependencies = [("outbox", "0002_fewer_indexes")]

    operations = [
        migrations.AlterField(
            model_name="delivery",
            name="tenant",
            field=noren_kit.db.fields.TenantField(db_constraint=False),
        ),
    ]

"""Tenants are made and changed by the platform's role alone."""

from django.db import migrations

from noren_kit.db import role_names


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0001_initial")]

    operations = [
        migrations.RunSQL(
            f"REVOKE INSERT, UPDATE, DELETE ON tenancy_tenant FROM {role_names.APP}",
            f"GRANT INSERT, UPDATE, DELETE ON tenancy_tenant TO {role_names.APP}",
        )
    ]

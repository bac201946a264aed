"""Indexes that start like a unique one of the same table only cost time."""

from django.db import migrations

from noren_kit.db.operations import without_index


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_revisions")]

    operations = [
        without_index("accounts", "membershiprole", "membership"),
    ]

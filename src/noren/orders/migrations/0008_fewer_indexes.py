"""Indexes that start like a unique one of the same table only cost time."""

from django.db import migrations

from noren_kit.db.operations import without_index


class Migration(migrations.Migration):
    dependencies = [("orders", "0007_search")]

    operations = [
        without_index("orders", "orderline", "order"),
        without_index("orders", "ordertax", "order"),
    ]

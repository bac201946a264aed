"""Indexes that start like a unique one of the same table only cost time."""

from django.db import migrations

from noren_kit.db.operations import without_index


class Migration(migrations.Migration):
    dependencies = [("catalog", "0006_sales_counted_by_stock")]

    operations = [
        without_index("catalog", "product", "stock_item"),
        without_index("catalog", "producttag", "product"),
        without_index("catalog", "review", "product"),
        without_index("catalog", "variant", "stock_item"),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("inventory", "0002_revisions")]

    operations = [
        migrations.AddField(
            model_name="stockitem",
            name="sold",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddIndex(
            model_name="stockitem",
            index=models.Index(fields=["tenant", "sold", "id"], name="inventory_stockitem_sales"),
        ),
        migrations.AddConstraint(
            model_name="stockitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("sold__gte", 0)), name="inventory_stockitem_sold"
            ),
        ),
    ]

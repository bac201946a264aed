from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0018_past_returns"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="ordernumber",
            name="orders_ordernumber_history",
        ),
    ]

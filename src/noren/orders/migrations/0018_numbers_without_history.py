from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0017_history_of_lifecycle"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="ordernumber",
            name="orders_ordernumber_history",
        ),
    ]

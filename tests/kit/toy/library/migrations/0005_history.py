from django.db import migrations

import noren_kit.db.history


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_changes"),
        ("library", "0004_bin"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name=model,
            constraint=noren_kit.db.history.Recorded(
                name=f"library_{model}_history", resource=f"library.{model}"
            ),
        )
        for model in ("author", "book")
    ]

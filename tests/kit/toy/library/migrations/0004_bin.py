from django.db import migrations

import noren_kit.db.constraints


class Migration(migrations.Migration):
    dependencies = [("library", "0003_versions")]

    operations = [
        migrations.AddConstraint(
            model_name=model,
            constraint=noren_kit.db.constraints.BinIndex(name=f"library_{model}_bin"),
        )
        for model in ("author", "book")
    ]

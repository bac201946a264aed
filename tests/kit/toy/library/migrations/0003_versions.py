from django.db import migrations

import noren_kit.db.fields
import noren_kit.db.versions


class Migration(migrations.Migration):
    dependencies = [("library", "0002_revisions")]

    operations = [
        *(
            migrations.AddField(
                model_name=name, name="version", field=noren_kit.db.fields.VersionField()
            )
            for name in ("author", "book")
        ),
        *(
            migrations.AddConstraint(
                model_name=name,
                constraint=noren_kit.db.versions.Versioned(name=f"library_{name}_versioned"),
            )
            for name in ("author", "book")
        ),
    ]

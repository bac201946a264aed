"""A column with a default, as a release adds them: no rewrite, a lock for an instant."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("catalog", "0012_tax_classes_like_all_tables")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE catalog_product ADD COLUMN rehearsal_note text NOT NULL DEFAULT ''",
            "ALTER TABLE catalog_product DROP COLUMN rehearsal_note",
        )
    ]

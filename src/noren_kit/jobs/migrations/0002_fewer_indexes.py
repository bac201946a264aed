"""Indexes that start like a unique one of the same table only cost time."""

from django.db import migrations

from noren_kit.db.operations import without_index


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]

    operations = [
        without_index("jobs", "jobissue", "job"),
    ]

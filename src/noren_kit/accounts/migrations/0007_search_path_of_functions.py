"""Temporary objects last: named nowhere in a search path, they come before all others."""

from django.db import migrations

_FUNCTIONS = (
    "noren_standing(uuid, uuid, uuid, uuid)",
    "noren_key_standing(text, text, inet)",
    "noren_affiliations(uuid)",
    "noren_invitations(uuid)",
    "noren_record_access(uuid, uuid, text, uuid, text, uuid, text, text, jsonb)",
    "noren_record_access_of(text, uuid, uuid, text, uuid, text, text, jsonb)",
)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_invited_as")]

    operations = [
        migrations.RunSQL(
            [
                f"ALTER FUNCTION {each} SET search_path = pg_catalog, public, pg_temp"
                for each in _FUNCTIONS
            ],
            migrations.RunSQL.noop,
        )
    ]

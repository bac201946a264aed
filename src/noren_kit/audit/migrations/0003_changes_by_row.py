# ruff: noqa: S608  constant names
"""History of tables whose updates mostly leave nothing: looked at row by row, before any call."""

from importlib import import_module
from typing import Any

from django.db import migrations

from noren_kit.db import role_names

_CHANGES: Any = import_module("noren_kit.audit.migrations.0002_changes")
_VALUES = f"{_CHANGES._ID}, p.id"

# A row whose id or tenant changes is one that went and one that came.
_RECORD_ROW = f"""
CREATE FUNCTION noren_record_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE{_CHANGES._FACTS}    was jsonb := to_jsonb(OLD) - ignored;
    became jsonb := to_jsonb(NEW) - ignored;
BEGIN
    IF (OLD.tenant_id, OLD.id) = (NEW.tenant_id, NEW.id) THEN{_CHANGES._INTO}
        SELECT p.tenant_id, {_VALUES},
               CASE WHEN d.old -> 'deleted_at' = 'null' THEN 'delete'
                    WHEN d.new -> 'deleted_at' = 'null' THEN 'restore'
                    ELSE 'update' END,
               d.old - masked, d.new - masked, {_CHANGES._BY}
          FROM (SELECT NEW.tenant_id, NEW.id) p
         CROSS JOIN LATERAL (
               SELECT jsonb_object_agg(e.key, was -> e.key) AS old,
                      jsonb_object_agg(e.key, e.value) AS new,
                      bool_or(e.key NOT IN ('version', 'updated_at', 'updated_by_id')) AS counts
                 FROM jsonb_each(became) e
                WHERE e.value IS DISTINCT FROM was -> e.key) d
         WHERE d.counts;
    ELSE{_CHANGES._INTO}
        SELECT p.tenant_id, {_VALUES}, p.operation, p.old - masked, p.new - masked, {_CHANGES._BY}
          FROM (VALUES (OLD.tenant_id, OLD.id, 'delete', was, NULL),
                       (NEW.tenant_id, NEW.id, 'insert', NULL, became))
               AS p(tenant_id, id, operation, old, new);
    END IF;
    RETURN NULL;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_changes")]

    operations = [
        migrations.RunSQL(
            [
                _RECORD_ROW,
                "REVOKE ALL ON FUNCTION noren_record_row() FROM PUBLIC,"
                f" {role_names.APP}, {role_names.PLATFORM}",
                f"ALTER FUNCTION noren_record_row() OWNER TO {role_names.AUDIT}",
            ],
            "DROP FUNCTION noren_record_row()",
        )
    ]

# ruff: noqa: S608  constant names
"""The history of changes, and the functions that write it and read it (noren_kit.db.history).

`noren_record_change` belongs to the audit role, which alone may insert, and to call a trigger
function takes a trigger: the application may make none, nor execute this one.
"""

import django.db.models.manager
from django.db import migrations, models

import noren_kit.core.ids
import noren_kit.db.constraints
import noren_kit.db.fields
import noren_kit.db.history
from noren_kit.db import role_names

# A UUIDv7 (RFC 9562, section 6.2, method 3): milliseconds, their fraction, the row's place in the
# statement, which is one moment for all its rows, and a random number of the statement's.
_FACTS = """
    moment timestamptz := clock_timestamp();
    micros bigint := extract(epoch FROM moment) * 1000000;
    head text := lpad(to_hex(micros / 1000), 12, '0') || '7'
                 || lpad(to_hex(micros % 1000 * 4096 / 1000), 3, '0') || '8';
    tail text := substr(gen_random_uuid()::text, 1, 8);
    cause text[] := string_to_array(nullif(current_setting('app.cause', true), ''), ' ');
    actor uuid := nullif(cause[1], '-');
    credential uuid := nullif(cause[2], '-');
    request text := coalesce(left(nullif(cause[3], '-'), 64), '');
    person text := coalesce(left(array_to_string(cause[4:], ' '), 200), '');
    ignored text[] := TG_ARGV[1];
    masked text[] := TG_ARGV[2];
"""
_INTO = """
        INSERT INTO public.audit_change (tenant_id, id, at, resource, row_id, operation, old, new,
                                         actor_id, actor_name, credential_id, request_id, db_role)
"""
_ID = "(head || lpad(to_hex(row_number() OVER ()), 7, '0') || tail)::uuid, moment, TG_ARGV[0]"
_BY = "actor, person, credential, request, session_user"

# The two halves of an update are joined whole, so that a row whose id changes is one that went
# and one that came; such a join hashes or merges, whatever number of rows it was planned for.
# OFFSET keeps the planner from making each row's JSON anew for each of its columns.
_RECORD = f"""
CREATE FUNCTION noren_record_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE{_FACTS}BEGIN
    IF TG_OP = 'INSERT' THEN{_INTO}
        SELECT n.tenant_id, {_ID}, n.id, 'insert', NULL, to_jsonb(n) - masked, {_BY}
          FROM now n;
    ELSIF TG_OP = 'DELETE' THEN{_INTO}
        SELECT o.tenant_id, {_ID}, o.id, 'delete', to_jsonb(o) - masked, NULL, {_BY}
          FROM before o;
    ELSE{_INTO}
        SELECT p.tenant_id, {_ID}, p.id,
               CASE WHEN p.was IS NULL THEN 'insert'
                    WHEN p.became IS NULL THEN 'delete'
                    WHEN d.old -> 'deleted_at' = 'null' THEN 'delete'
                    WHEN d.new -> 'deleted_at' = 'null' THEN 'restore'
                    ELSE 'update' END,
               CASE WHEN p.became IS NULL THEN p.was ELSE d.old END - masked,
               CASE WHEN p.was IS NULL THEN p.became ELSE d.new END - masked, {_BY}
          FROM (SELECT tenant_id, id, o.row AS was, n.row AS became
                  FROM (SELECT b.tenant_id, b.id, to_jsonb(b) - ignored AS row FROM before b) o
                  FULL JOIN
                       (SELECT w.tenant_id, w.id, to_jsonb(w) - ignored AS row FROM now w) n
                 USING (tenant_id, id)
                 WHERE o.row IS DISTINCT FROM n.row
                OFFSET 0) p
         CROSS JOIN LATERAL (
               SELECT CASE WHEN p.was IS NOT NULL
                           THEN jsonb_object_agg(e.key, p.was -> e.key) END AS old,
                      CASE WHEN p.became IS NOT NULL
                           THEN jsonb_object_agg(e.key, e.value) END AS new,
                      bool_or(e.key NOT IN ('version', 'updated_at', 'updated_by_id')) AS counts
                 FROM jsonb_each(coalesce(p.became, p.was)) e
                WHERE p.became IS NULL OR e.value IS DISTINCT FROM p.was -> e.key) d
         WHERE d.counts;
    END IF;
    RETURN NULL;
END $$
"""

# What a row of the type of `p_kind` was just before the first change with an id from `p_from`:
# today's row, with what each later change found. One that came later was not there.
_ROW_AS_OF = """
CREATE FUNCTION noren_row_as_of(p_kind anyelement, p_resource text, p_tenant uuid, p_id uuid,
                                p_from uuid)
RETURNS SETOF anyelement LANGUAGE plpgsql STABLE AS $$
DECLARE
    came_later boolean;
    found jsonb;
    earlier jsonb;
BEGIN
    SELECT c.old IS NULL INTO came_later
      FROM public.audit_change c
     WHERE c.tenant_id = p_tenant AND c.row_id = p_id AND c.id >= p_from
       AND c.resource = p_resource
     ORDER BY c.id LIMIT 1;
    IF came_later THEN
        RETURN;
    END IF;
    EXECUTE format('SELECT to_jsonb(r) FROM %s r WHERE r.tenant_id = $1 AND r.id = $2',
                   pg_typeof(p_kind)) INTO found USING p_tenant, p_id;
    IF NOT came_later THEN
        SELECT jsonb_object_agg(e.key, e.value ORDER BY c.id DESC) INTO earlier
          FROM public.audit_change c CROSS JOIN LATERAL jsonb_each(c.old) e
         WHERE c.tenant_id = p_tenant AND c.row_id = p_id AND c.id >= p_from
           AND c.resource = p_resource;
    END IF;
    IF found IS NULL AND came_later IS NULL THEN
        RETURN;
    END IF;
    RETURN NEXT jsonb_populate_record(p_kind, coalesce(found, '{}') || coalesce(earlier, '{}'));
END $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0001_initial"),
        ("tenancy", "0006_counting_revisions"),
    ]

    operations = [
        migrations.CreateModel(
            name="Change",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=noren_kit.core.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("tenant", noren_kit.db.fields.TenantField(db_constraint=False)),
                ("at", models.DateTimeField()),
                ("resource", models.CharField(max_length=100)),
                ("row_id", models.UUIDField()),
                (
                    "operation",
                    models.CharField(
                        choices=[
                            ("insert", "insert"),
                            ("update", "update"),
                            ("delete", "delete"),
                            ("restore", "restore"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "old",
                    models.JSONField(decoder=noren_kit.db.history.ExactDecoder, null=True),
                ),
                (
                    "new",
                    models.JSONField(decoder=noren_kit.db.history.ExactDecoder, null=True),
                ),
                ("actor_id", models.UUIDField(null=True)),
                ("actor_name", models.CharField(blank=True, max_length=200)),
                ("credential_id", models.UUIDField(null=True)),
                ("request_id", models.CharField(blank=True, max_length=64)),
                ("db_role", models.CharField(max_length=63)),
            ],
            options={
                "abstract": False,
                "base_manager_name": "every",
                "default_manager_name": "objects",
                "indexes": [
                    models.Index(fields=["tenant", "row_id", "id"], name="audit_change_row"),
                    models.Index(
                        fields=["tenant", "request_id", "id"], name="audit_change_request"
                    ),
                ],
                "constraints": [
                    noren_kit.db.constraints.TenantIsolation(name="audit_change_isolation"),
                    noren_kit.db.constraints.WrittenByAudit(name="audit_change_written_by_audit"),
                ],
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("every", django.db.models.manager.Manager()),
            ],
        ),
        migrations.RunSQL(
            [
                _RECORD,
                "REVOKE ALL ON FUNCTION noren_record_change() FROM PUBLIC,"
                f" {role_names.APP}, {role_names.PLATFORM}",
                f"ALTER FUNCTION noren_record_change() OWNER TO {role_names.AUDIT}",
            ],
            ["DROP FUNCTION noren_record_change()"],
        ),
        migrations.RunSQL(
            [_ROW_AS_OF], ["DROP FUNCTION noren_row_as_of(anyelement, text, uuid, uuid, uuid)"]
        ),
    ]

# ruff: noqa: S608  constant names
"""What triggers of revisions call, and how a reader gets them (noren_kit.db.revisions).

Statement triggers note what changed in a setting that is local to the transaction, so that a
savepoint takes back its part. A deferred trigger settles the note at commit, in an order that is
everybody's, so the rows are held for the commit alone and nobody waits in a circle.
"""

from django.db import migrations

from noren_kit.db.functions import lookup_function

# `noren.changed` is a JSON object: "<tenant> <collection>" → by how much `live` moved; without a
# tenant it is everybody's. `noren.due` is set while a settlement is in the queue; where it
# is not (SET CONSTRAINTS ALL IMMEDIATE), what was noted is settled at once.
_NOTED = "coalesce(nullif(current_setting('noren.changed', true), ''), '{}')::jsonb"
_KEEP = """
    IF noted IS NOT NULL THEN
        PERFORM set_config('noren.changed', noted::text, true);
        IF coalesce(current_setting('noren.due', true), '') = '' THEN
            PERFORM public.noren_settle();
        END IF;
    END IF;
    RETURN NULL;
"""
_MERGED = (
    "noted || jsonb_object_agg(c.key, c.live + coalesce((noted ->> c.key)::bigint, 0))"
    " FILTER (WHERE c.key IS NOT NULL)"
)

# Each trigger has its own plans of these statements, and those of a branch that is never taken
# are never made: `deleted_at` need not exist.
_NOTE = f"""
CREATE FUNCTION noren_note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    noted jsonb := {_NOTED};
    counts boolean := TG_ARGV[1] = 'live';
BEGIN
    IF TG_OP = 'INSERT' AND counts THEN
        SELECT {_MERGED} INTO noted
          FROM (SELECT tenant_id || ' ' || TG_ARGV[0] AS key,
                       count(*) FILTER (WHERE deleted_at IS NULL) AS live
                  FROM now GROUP BY tenant_id) c;
    ELSIF TG_OP = 'DELETE' AND counts THEN
        SELECT {_MERGED} INTO noted
          FROM (SELECT tenant_id || ' ' || TG_ARGV[0] AS key,
                       -count(*) FILTER (WHERE deleted_at IS NULL) AS live
                  FROM before GROUP BY tenant_id) c;
    ELSIF counts THEN
        SELECT {_MERGED} INTO noted
          FROM (SELECT tenant_id || ' ' || TG_ARGV[0] AS key, sum(one) AS live
                  FROM (SELECT tenant_id, (deleted_at IS NULL)::int AS one FROM now
                        UNION ALL
                        SELECT tenant_id, -(deleted_at IS NULL)::int FROM before) r
                 GROUP BY tenant_id) c;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT {_MERGED} INTO noted
          FROM (SELECT DISTINCT tenant_id || ' ' || TG_ARGV[0] AS key, 0 AS live FROM before) c;
    ELSE
        SELECT {_MERGED} INTO noted
          FROM (SELECT DISTINCT tenant_id || ' ' || TG_ARGV[0] AS key, 0 AS live FROM now) c;
    END IF;
    {_KEEP}
END $$
"""

# For updates of a table with columns that belong to other collections. A plan that was made for
# one row must do for a million: never in nested loops.
_NOTE_APART = f"""
CREATE FUNCTION noren_note_apart() RETURNS trigger LANGUAGE plpgsql
SET enable_nestloop = off AS $$
DECLARE
    noted jsonb := {_NOTED};
    apart jsonb := TG_ARGV[2];
    others text[] := ARRAY(SELECT jsonb_object_keys(apart));
BEGIN
    WITH pair AS MATERIALIZED (
        SELECT j.tenant_id, j.now - others IS DISTINCT FROM j.before - others AS rest,
               CASE WHEN TG_ARGV[1] = 'live'
                    THEN (j.now -> 'deleted_at' = 'null')::int
                         - (j.before -> 'deleted_at' = 'null')::int
                    ELSE 0 END AS live,
               ARRAY(SELECT a.value FROM jsonb_each_text(apart) a
                      WHERE j.now -> a.key IS DISTINCT FROM j.before -> a.key) AS raised
          FROM (SELECT n.tenant_id, to_jsonb(n) AS now, to_jsonb(b) AS before
                  FROM now n JOIN before b ON b.tenant_id = n.tenant_id AND b.id = n.id
                OFFSET 0) j
    ), change AS (
        SELECT tenant_id || ' ' || TG_ARGV[0] AS key, live FROM pair WHERE rest
        UNION ALL
        SELECT tenant_id || ' ' || other, 0 FROM pair, unnest(raised) AS other
    )
    SELECT {_MERGED} INTO noted
      FROM (SELECT key, sum(live) AS live FROM change GROUP BY key) c;
    {_KEEP}
END $$
"""

_NOTE_FOR_ALL = f"""
CREATE FUNCTION noren_note_for_all() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    noted jsonb := {_NOTED} || jsonb_build_object(' ' || TG_ARGV[0], 0);
BEGIN
    {_KEEP}
END $$
"""

# Each tenant is entered for its rows: a transaction may have written in several and left them.
_SETTLE = """
CREATE FUNCTION noren_settle() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    noted jsonb := nullif(current_setting('noren.changed', true), '');
    entered text := coalesce(current_setting('app.tenant_id', true), '');
    inside text := entered;
    change record;
BEGIN
    PERFORM set_config('noren.due', '', true);
    IF noted IS NULL THEN
        RETURN;
    END IF;
    PERFORM set_config('noren.changed', '', true);
    FOR change IN
        SELECT split_part(key, ' ', 1) AS tenant, split_part(key, ' ', 2) AS collection,
               value::bigint AS live
          FROM jsonb_each_text(noted) ORDER BY key COLLATE "C"
    LOOP
        IF change.tenant = '' THEN
            INSERT INTO public.tenancy_globalrevision AS r (collection, number)
            VALUES (change.collection, 1)
            ON CONFLICT (collection) DO UPDATE SET number = r.number + 1;
        ELSE
            IF change.tenant <> inside THEN
                inside := set_config('app.tenant_id', change.tenant, true);
            END IF;
            INSERT INTO public.tenancy_revision AS r (tenant_id, id, collection, number, live)
            VALUES (change.tenant::uuid, gen_random_uuid(), change.collection, 1, change.live)
            ON CONFLICT (tenant_id, collection)
            DO UPDATE SET number = r.number + 1, live = r.live + EXCLUDED.live;
        END IF;
    END LOOP;
    IF inside <> entered THEN
        PERFORM set_config('app.tenant_id', entered, true);
    END IF;
END $$
"""

_SETTLE_AT_COMMIT = """
CREATE FUNCTION noren_settle_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM public.noren_settle();
    RETURN NULL;
END $$
"""

_FUNCTIONS = {
    "noren_settle": _SETTLE,
    "noren_settle_at_commit": _SETTLE_AT_COMMIT,
    "noren_note": _NOTE,
    "noren_note_apart": _NOTE_APART,
    "noren_note_for_all": _NOTE_FOR_ALL,
}

# "<collection> <number> <live>", one after the other.
_REVISIONS = """
SELECT string_agg(r.collection || ' ' || r.number || ' ' || r.live, ' ')
  FROM (SELECT collection, number, live FROM public.tenancy_revision WHERE tenant_id = p_tenant
        UNION ALL
        SELECT collection, number, 0 FROM public.tenancy_globalrevision) r
"""


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0005_revisions")]

    operations = [
        *(migrations.RunSQL(make, f"DROP FUNCTION {name}()") for name, make in _FUNCTIONS.items()),
        # Its rows are updated all the time, and in place if there is room on the page.
        migrations.RunSQL(
            "ALTER TABLE tenancy_revision SET (fillfactor = 50)",
            "ALTER TABLE tenancy_revision RESET (fillfactor)",
        ),
        lookup_function(
            "noren_revisions(p_tenant uuid)",
            "text",
            _REVISIONS,
            {
                "tenancy_revision": ["tenant_id", "collection", "number", "live"],
                "tenancy_globalrevision": ["collection", "number"],
            },
        ),
    ]

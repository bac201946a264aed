"""What the live schema must hold for tenants to be apart; reads the catalogue alone."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.backends.base.base import BaseDatabaseWrapper

from noren_kit.db import role_names
from noren_kit.db.constraints import TENANT_SETTING

# Tables without a tenant: tenants themselves, people, sign-in sessions, the record of migrations.
GLOBAL_TABLES = frozenset(
    {
        "tenancy_tenant",
        "accounts_user",
        "accounts_signinsession",
        "django_migrations",
    }
)

_TABLES = """
SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, pg_get_userbyid(c.relowner),
       has_table_privilege(%(app)s, c.oid, 'TRUNCATE'),
       (SELECT array_agg(a.attname::text ORDER BY k.ord)
          FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(attnum, ord), pg_attribute a
         WHERE i.indrelid = c.oid AND i.indisprimary
           AND a.attrelid = c.oid AND a.attnum = k.attnum) AS key,
       (SELECT array_agg(pg_get_expr(p.polqual, c.oid)) FROM pg_policy p
         WHERE p.polrelid = c.oid
           AND EXISTS (SELECT FROM pg_roles r WHERE r.oid = ANY (p.polroles)
                          AND r.rolname = %(app)s)) AS policies,
       (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND 0 = ANY (p.polroles))
  FROM pg_class c
 WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
 ORDER BY c.relname
"""

_FOREIGN_KEYS = """
SELECT o.conrelid::regclass::text, o.conname, o.confrelid::regclass::text,
       (SELECT array_agg(a.attname::text ORDER BY k.ord)
          FROM unnest(o.conkey) WITH ORDINALITY AS k(attnum, ord), pg_attribute a
         WHERE a.attrelid = o.conrelid AND a.attnum = k.attnum)
  FROM pg_constraint o
 WHERE o.contype = 'f' AND o.connamespace = 'public'::regnamespace
"""

_UNIQUE = """
SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text,
       (SELECT array_agg(a.attname::text) FROM pg_attribute a
         WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey))
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
 WHERE i.indisunique AND c.relnamespace = 'public'::regnamespace
"""

_VIEWS = """
SELECT c.relname, c.relkind::text,
       coalesce('security_invoker=true' = ANY (c.reloptions)
                OR 'security_invoker=on' = ANY (c.reloptions), false)
  FROM pg_class c
 WHERE c.relkind IN ('v', 'm') AND c.relnamespace = 'public'::regnamespace
"""


def _table_faults(connection: BaseDatabaseWrapper) -> Iterator[str]:
    expected = f"current_setting('{TENANT_SETTING}'::text))::uuid"
    with connection.cursor() as cursor:
        cursor.execute(_TABLES, {"app": role_names.APP})
        rows = cursor.fetchall()
    for table, enabled, forced, owner, may_truncate, key, policies, to_public in rows:
        if owner == role_names.APP:
            yield f"{table}: owned by {role_names.APP}"
        if may_truncate:
            yield f"{table}: {role_names.APP} may TRUNCATE"
        if table in GLOBAL_TABLES:
            continue
        if not enabled:
            yield f"{table}: row-level security is not enabled"
        if not forced:
            yield f"{table}: row-level security is not forced"
        if key != ["tenant_id", "id"]:
            yield f"{table}: primary key is {key}, not (tenant_id, id)"
        if to_public:
            yield f"{table}: a policy applies to every role"
        if not policies or len(policies) != 1 or expected not in (policies[0] or ""):
            yield f"{table}: policies for {role_names.APP} are {policies}"


def schema_faults(connection: BaseDatabaseWrapper) -> list[str]:
    """What is wrong with isolation in the connected database; empty when all is well.

    Looks at every table of the schema, known to Django or not: row-level security enabled and
    forced, one policy of the stated form, the composite primary key, composite foreign keys,
    unique indexes that name the tenant, views that run as their caller.
    """
    faults = list(_table_faults(connection))
    with connection.cursor() as cursor:
        cursor.execute(_FOREIGN_KEYS)
        for table, name, target, columns in cursor.fetchall():
            crosses = target not in GLOBAL_TABLES and table not in GLOBAL_TABLES
            if crosses and (len(columns) != 2 or columns[0] != "tenant_id"):
                faults.append(f"{table}: foreign key {name} to {target} does not name the tenant")
        faults += _missing_foreign_keys(connection)
        cursor.execute(_UNIQUE)
        for table, name, columns in cursor.fetchall():
            if table not in GLOBAL_TABLES and "tenant_id" not in columns:
                faults.append(f"{table}: {name} is unique across tenants")
        cursor.execute(_VIEWS)
        for name, kind, invoker in cursor.fetchall():
            if kind == "m":
                faults.append(f"{name}: materialised views know no policies")
            elif not invoker:
                faults.append(f"{name}: the view is not security_invoker")
    return faults


def _missing_foreign_keys(connection: BaseDatabaseWrapper) -> Iterator[str]:
    """References that a model declares and the database does not hold."""
    from noren_kit.db.constraints import CompositeTenantForeignKey
    from noren_kit.tenancy.checks import tenant_models

    with connection.cursor() as cursor:
        cursor.execute("SELECT conname FROM pg_constraint WHERE contype = 'f' AND convalidated")
        held = {name for (name,) in cursor.fetchall()}
    for model in tenant_models():
        for constraint in model._meta.constraints:
            if isinstance(constraint, CompositeTenantForeignKey) and constraint.name not in held:
                yield f"{model._meta.db_table}: foreign key {constraint.name} is missing"

# ruff: noqa: S608  constant text throughout
"""The questions that `schema` puts to PostgreSQL's catalogue (its manual, "System Catalogs").

Objects of every schema but PostgreSQL's own are seen; those outside of `public` come with their
schema's name, so that they match no exception.
"""

from __future__ import annotations

from noren_kit.db import role_names

_OURS = (
    "n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
    " AND n.nspname NOT LIKE 'pg\\_temp\\_%' AND n.nspname NOT LIKE 'pg\\_toast\\_temp\\_%'"
)
_NAME = "CASE n.nspname WHEN 'public' THEN c.relname::text ELSE n.nspname || '.' || c.relname END"
_FROM_CLASS = "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
_TABLE_KINDS = "c.relkind IN ('r', 'p', 'f')"
_ROLES = ", ".join(
    f"'{role}'"
    for role in (
        role_names.OWNER,
        role_names.APP,
        role_names.RELAY,
        role_names.PLATFORM,
        role_names.BACKUP,
        role_names.LOOKUP,
        role_names.AUDIT,
    )
)


def _columns(relation: str, numbers: str) -> str:
    """Names of the columns with these numbers, in their order; expressions have none."""
    return (
        "coalesce((SELECT array_agg(a.attname::text ORDER BY k.ord)"
        f" FROM unnest({numbers}) WITH ORDINALITY AS k(attnum, ord)"
        f" JOIN pg_attribute a ON a.attrelid = {relation} AND a.attnum = k.attnum), '{{}}')"
    )


def _held(role: str) -> str:
    """What a role may do with a table, by itself or through PUBLIC or another role."""
    rights = "'SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'"
    return (
        f"coalesce((SELECT array_agg(r) FROM unnest(ARRAY[{rights}]) AS r"
        f" WHERE has_table_privilege('{role}', c.oid, r)), '{{}}')"
    )


TABLE_NAMES = f"SELECT {_NAME}, c.relispartition {_FROM_CLASS} WHERE {_TABLE_KINDS} AND {_OURS}"

TABLES = f"""
SELECT {_NAME}, c.relkind::text, c.relispartition, c.relrowsecurity, c.relforcerowsecurity,
       pg_get_userbyid(c.relowner)::text,
       (SELECT {_columns("c.oid", "i.indkey[0:i.indnkeyatts - 1]")} FROM pg_index i
         WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid) AS key,
       {_held(role_names.APP)}
  {_FROM_CLASS}
 WHERE {_TABLE_KINDS} AND {_OURS}
 ORDER BY 1
"""

POLICIES = f"""
SELECT {_NAME}, p.polname::text, p.polcmd::text, p.polpermissive,
       (SELECT array_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(r)::text END ORDER BY r)
          FROM unnest(p.polroles) AS r),
       pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
  {_FROM_CLASS} JOIN pg_policy p ON p.polrelid = c.oid
 WHERE {_OURS}
 ORDER BY 1, 2
"""

# PostgreSQL 18 can declare keys that it does not enforce; before, the row has no such member.
FOREIGN_KEYS = f"""
SELECT {_NAME}, o.conname::text, {_columns("o.conrelid", "o.conkey")},
       CASE tn.nspname WHEN 'public' THEN t.relname::text ELSE tn.nspname || '.' || t.relname END,
       {_columns("o.confrelid", "o.confkey")},
       o.convalidated AND coalesce((to_jsonb(o) ->> 'conenforced')::boolean, true)
         AND NOT EXISTS (SELECT FROM pg_trigger g
                          WHERE g.tgconstraint = o.oid AND g.tgenabled NOT IN ('O', 'A'))
  FROM pg_constraint o
  JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class t ON t.oid = o.confrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
 WHERE o.contype = 'f' AND o.conparentid = 0 AND {_OURS}
 ORDER BY 1, 2
"""

UNIQUE = f"""
SELECT {_NAME}, x.relname::text, {_columns("i.indrelid", "i.indkey[0:i.indnkeyatts - 1]")}
  {_FROM_CLASS}
  JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid
 WHERE (i.indisunique OR i.indisexclusion) AND {_OURS}
 ORDER BY 1, 2
"""

# What is not switched off, for the replication role "origin".
TRIGGERS = f"""
SELECT {_NAME}, g.tgname::text
  {_FROM_CLASS} JOIN pg_trigger g ON g.tgrelid = c.oid
 WHERE NOT g.tgisinternal AND g.tgenabled IN ('O', 'A') AND {_OURS}
"""

VIEWS = f"""
SELECT {_NAME}, c.relkind::text,
       EXISTS (SELECT FROM pg_options_to_table(c.reloptions)
                WHERE option_name = 'security_invoker' AND option_value::boolean)
  {_FROM_CLASS}
 WHERE c.relkind IN ('v', 'm') AND {_OURS}
 ORDER BY 1
"""

FUNCTIONS = f"""
SELECT p.oid::regprocedure::text, pg_get_userbyid(p.proowner)::text, p.prosecdef,
       EXISTS (SELECT FROM unnest(p.proconfig) AS s
                WHERE s IN ('search_path=pg_catalog, public, pg_temp',
                            'search_path=pg_catalog, pg_temp')),
       EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE'),
       p.proleakproof
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE {_OURS}
 ORDER BY 1
"""

GRANTS = f"""
SELECT {_NAME}, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee)::text END,
       a.privilege_type
  {_FROM_CLASS}, aclexplode(c.relacl) a
 WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND {_OURS}
UNION
SELECT {_NAME}, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee)::text END,
       a.privilege_type
  {_FROM_CLASS} JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a
 WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND {_OURS}
 ORDER BY 1, 2, 3
"""

APP_WRITES = f"""
SELECT {_NAME}, r {_FROM_CLASS}, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE']) AS r
 WHERE {_TABLE_KINDS} AND {_OURS}
   AND CASE r WHEN 'DELETE' THEN has_table_privilege('{role_names.APP}', c.oid, 'DELETE')
              ELSE has_any_column_privilege('{role_names.APP}', c.oid, r) END
"""

ROLES = f"""
SELECT r.rolname::text, r.rolcanlogin,
       r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication, r.rolbypassrls,
       NOT r.rolsuper AND has_schema_privilege(r.oid, 'public', 'CREATE'),
       ARRAY(SELECT o.rolname::text FROM pg_roles o
              WHERE o.oid <> r.oid AND NOT r.rolsuper AND pg_has_role(r.oid, o.oid, 'MEMBER')
              ORDER BY 1)
  FROM pg_roles r
 WHERE r.rolname IN ({_ROLES})
 ORDER BY 1
"""

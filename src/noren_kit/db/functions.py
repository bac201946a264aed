"""Migration operations for functions that do with their owner's rights what a caller may not.

They are SECURITY DEFINER with a fixed search path; `pg_temp` stands last in it, for unnamed it
would come first. `noren_lookup`, which may log in nowhere and
reads just the columns that a migration grants it, owns those that answer before a tenant is
known; `noren_audit`, which may add to the tenants' logs and nothing else, those that write
there. Owned by `noren_owner` they would raise under FORCE ROW LEVEL SECURITY.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import migrations

from noren_kit.db import role_names


def _definer(
    signature: str, returns: str, body: str, *, owner: str, grants: Sequence[str]
) -> migrations.RunSQL:
    """`returns` may be followed by the function's volatility."""
    create = (
        f"CREATE FUNCTION {signature} RETURNS {returns} LANGUAGE sql SECURITY DEFINER"
        f" SET search_path = pg_catalog, public, pg_temp AS $body${body}$body$"
    )
    return migrations.RunSQL(
        [
            *grants,
            create,
            f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION {signature} TO {role_names.APP}, {role_names.PLATFORM}",
            f"ALTER FUNCTION {signature} OWNER TO {owner}",
        ],
        [f"DROP FUNCTION {signature}"],
    )


def lookup_function(
    signature: str, returns: str, body: str, reads: Mapping[str, Sequence[str]]
) -> migrations.RunSQL:
    """A look-up function: `signature` with argument types, `reads` the columns by table."""
    grants = [
        f"GRANT SELECT ({', '.join(columns)}) ON {table} TO {role_names.LOOKUP}"
        for table, columns in reads.items()
    ]
    return _definer(signature, f"{returns} STABLE", body, owner=role_names.LOOKUP, grants=grants)


def audit_function(signature: str, body: str, calls: Sequence[str] = ()) -> migrations.RunSQL:
    """A function that writes to tenants' logs; `calls` are the look-up functions it uses."""
    grants = [f"GRANT EXECUTE ON FUNCTION {each} TO {role_names.AUDIT}" for each in calls]
    return _definer(signature, "void VOLATILE", body, owner=role_names.AUDIT, grants=grants)


def without(operation: migrations.RunSQL) -> migrations.RunSQL:
    """The operation that takes away what an earlier one made, and makes it again in reverse."""
    return migrations.RunSQL(operation.reverse_sql or (), operation.sql)

"""Migration operations for the look-up functions that run before a tenant is known.

They are SECURITY DEFINER with a fixed search path and owned by `noren_lookup`, which may log in
nowhere and reads just the columns that a migration grants it. Owned by `noren_owner` they would
raise under FORCE ROW LEVEL SECURITY.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import migrations

from noren_kit.db import role_names


def lookup_function(
    signature: str, returns: str, body: str, reads: Mapping[str, Sequence[str]]
) -> migrations.RunSQL:
    """A look-up function: `signature` with argument types, `reads` the columns by table."""
    grants = [
        f"GRANT SELECT ({', '.join(columns)}) ON {table} TO {role_names.LOOKUP}"
        for table, columns in reads.items()
    ]
    create = (
        f"CREATE FUNCTION {signature} RETURNS {returns} LANGUAGE sql STABLE SECURITY DEFINER"
        f" SET search_path = pg_catalog, public AS $lookup${body}$lookup$"
    )
    return migrations.RunSQL(
        [
            *grants,
            create,
            f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION {signature} TO {role_names.APP}, {role_names.PLATFORM}",
            f"ALTER FUNCTION {signature} OWNER TO {role_names.LOOKUP}",
        ],
        [f"DROP FUNCTION {signature}"],
    )

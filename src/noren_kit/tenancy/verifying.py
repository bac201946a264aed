"""Whether the rows of a live database are apart, and not only its rules.

A composite key keeps references inside a tenant from the moment that it is there; this looks for
what came in past it: a restored part, a disabled trigger, a role that should not have been used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection

from noren_kit.core import context
from noren_kit.db.fields import TenantForeignKey
from noren_kit.db.planning import joins_of_whole_tables
from noren_kit.tenancy.checks import tenant_models
from noren_kit.tenancy.schema import schema_faults

_BATCH = 1_000
_STRAYS = """
SELECT c.id, c.{column} FROM {table} c
 WHERE c.tenant_id = %(tenant)s AND c.{column} IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM {target} p WHERE p.tenant_id = c.tenant_id AND p.id = c.{column})
"""
_FOREIGN = "SELECT count(*) FROM {table} WHERE tenant_id <> %(tenant)s"


def find_strays() -> Iterator[dict[str, Any]]:
    """Rows of the tenant that refer to something it does not have."""
    quote = connection.ops.quote_name
    for model in tenant_models():
        table = model._meta.db_table
        for field in model._meta.concrete_fields:
            if not isinstance(field, TenantForeignKey):
                continue
            target = field.related_model._meta.db_table
            query = _STRAYS.format(
                table=quote(table), column=quote(str(field.column)), target=quote(target)
            )
            with joins_of_whole_tables(), connection.chunked_cursor() as cursor:
                cursor.execute(query, {"tenant": context.tenant_id()})
                while found := cursor.fetchmany(_BATCH):
                    for row, missing in found:
                        yield {
                            "table": table,
                            "id": str(row),
                            "column": field.column,
                            "refers_to": str(missing),
                        }


def find_visible_foreigners() -> Iterator[dict[str, Any]]:
    """Tables that show the tenant rows of another one."""
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        for model in tenant_models():
            table = model._meta.db_table
            query = _FOREIGN.format(table=quote(table))
            cursor.execute(query, {"tenant": context.tenant_id()})
            (many,) = cursor.fetchone()
            if many:
                yield {"table": table, "rows_of_others": many}


def find_schema_faults() -> Iterator[dict[str, Any]]:
    """Rules of isolation that the schema does not hold."""
    for fault in schema_faults(connection):
        yield {"fault": fault}

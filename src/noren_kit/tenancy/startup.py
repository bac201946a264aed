"""What must hold before a process serves tenants."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from django.db.migrations.executor import MigrationExecutor

from noren_kit.core.starting import StartRefused
from noren_kit.db.roles import assert_unprivileged
from noren_kit.observability.logging import get_logger

_log = get_logger("noren.startup")
_NAMED = 3


class UnmigratedSchema(StartRefused):
    """The database lacks migrations that this code needs."""


def refuse_unsafe_database(
    using: str = DEFAULT_DB_ALIAS, *, variable: str = "DATABASE_URL", migrated: bool = True
) -> None:
    """Raises `UnsafeRoleError` where row-level security would not bind this process.

    And `UnmigratedSchema` where `migrated` is asked for and the schema is older than this code; a
    newer one is that of the next release, with which this one still has to do. With the database
    away there is nothing to ask: the probes say so, and the process waits. `variable` is that
    which the address came from.
    """
    connection = connections[using]
    try:
        connection.ensure_connection()
        assert_unprivileged(connection, variable=variable)
        if migrated:
            _refuse_unmigrated(using)
    except (OperationalError, InterfaceError) as error:
        _log.warning("database_away", error=str(error))
    finally:
        connection.close()


def _refuse_unmigrated(using: str) -> None:
    executor = MigrationExecutor(connections[using])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        return
    missing = [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    raise UnmigratedSchema(
        f"Refusing to serve: the schema lacks {', '.join(missing[:_NAMED])}{more}; "
        "run `noren migrate` first."
    )

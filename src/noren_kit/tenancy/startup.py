"""What must hold before a process serves tenants."""

from __future__ import annotations

from django.db import InterfaceError, OperationalError, connection

from noren_kit.db.roles import assert_unprivileged
from noren_kit.observability.logging import get_logger

_log = get_logger("noren.startup")


def refuse_privileged_role() -> None:
    """Raises `UnsafeRoleError` where row-level security would not bind this process.

    With the database away there is nothing to ask: the probes say so, and the process waits.
    """
    try:
        connection.ensure_connection()
        assert_unprivileged(connection)
    except (OperationalError, InterfaceError) as error:
        _log.warning("database_away", error=str(error))
    finally:
        connection.close()

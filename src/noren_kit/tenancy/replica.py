"""A hot standby that answers reads which it answers as the primary would.

It is told which revisions the caller's standing has shown (read from the primary, in the statement
that signs them in), says its own first, and its rows count only if none of these is older: then it
has replayed every write that anybody was told of before the read began. So a lag is never seen,
by the writer or by anybody else (docs/adr/0025-reads-from-a-standby.md).
"""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, InterfaceError, connections

from noren_kit.core.context import Revision, Revisions
from noren_kit.db.prepared import Question, spare_health_check
from noren_kit.db.roles import UnsafeRoleError, assert_unprivileged
from noren_kit.db.router import REPLICA_ALIAS
from noren_kit.observability.away import Patience
from noren_kit.observability.logging import get_logger
from noren_kit.observability.metrics import standby_reads
from noren_kit.tenancy.entering import fetch_inside

VARIABLE = "DATABASE_REPLICA_URL"
# What it waits for (replay that holds a lock, say) the primary need not.
_REVISIONS = (
    "SELECT noren_revisions(%s), set_config('statement_timeout', '2s', true),"
    " set_config('lock_timeout', '500ms', true)"
)
# For all of an exchange: a server that took the question and stopped is ended from here.
DEADLINE_SECONDS = 4.0
Rows = list[list[tuple[Any, ...]]]

_log = get_logger("noren.replica")


class _Standby:
    """The standby of this process; what it refuses or does not answer the primary is asked."""

    def __init__(self) -> None:
        self._patience = Patience(
            "replica_away", logger="noren.replica", errors=(DatabaseError, InterfaceError)
        )
        self._refused = False

    def ask(self, tenant_id: uuid.UUID, questions: Sequence[Question]) -> Rows | None:
        """None while it is away; after a failure it is left alone for a moment."""
        if self._refused or self._patience.is_spent:
            return None
        return self._patience.ask(lambda: self._fetch(tenant_id, questions))

    def _fetch(self, tenant_id: uuid.UUID, questions: Sequence[Question]) -> Rows | None:
        database: Any = connections[REPLICA_ALIAS]
        try:
            spare_health_check(REPLICA_ALIAS)
            database.close_if_health_check_failed()
            if database.connection is None and not self._is_fit(database):
                return None
            with _deadline(database.connection.pgconn.socket):
                return fetch_inside(tenant_id, questions, REPLICA_ALIAS)
        except (DatabaseError, InterfaceError):
            database.close()
            raise

    def _is_fit(self, database: Any) -> bool:
        """Whether row-level security binds this connection, which is new."""
        try:
            assert_unprivileged(database, variable=VARIABLE)
        except UnsafeRoleError as error:
            database.close()
            self._refused = True
            _log.error("replica_refused", error=str(error))
            return False
        return True


@contextmanager
def _deadline(number: int) -> Iterator[None]:
    """Shut the socket of this number down at the end of the time, so that its reader wakes."""
    watched = socket.socket(fileno=os.dup(number))
    timer = threading.Timer(DEADLINE_SECONDS, watched.shutdown, [socket.SHUT_RDWR])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        watched.close()


_standby = _Standby()


def fetch_at(
    revisions: Mapping[str, Revision],
    collections: Iterable[str],
    tenant_id: uuid.UUID,
    questions: Sequence[Question],
) -> Rows:
    """`fetch_inside`, by the standby where it has `collections` at these revisions or later.

    Raises Django's database errors, of the primary alone.
    """
    if REPLICA_ALIAS not in connections.settings:
        return fetch_inside(tenant_id, questions)
    found = _standby.ask(tenant_id, [Question(_REVISIONS, (tenant_id,)), *questions])
    if found is None:
        standby_reads.labels("away").inc()
        return fetch_inside(tenant_id, questions)
    there = Revisions.parse(found[0][0][0])
    if any(there[each].number < revisions[each].number for each in collections):
        standby_reads.labels("behind").inc()
        return fetch_inside(tenant_id, questions)
    standby_reads.labels("standby").inc()
    return found[1:]

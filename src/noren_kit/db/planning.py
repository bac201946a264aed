"""Telling PostgreSQL's planner what statistics would have told it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def joins_of_whole_tables() -> Iterator[None]:
    """For sums over all of a tenant's rows, inside a transaction: joins by hash or merge.

    A table filled a moment ago has no statistics yet and looks empty; the planner then joins it
    row by row over whatever index starts with the tenant, in a time that grows with the square.
    The application's role can't ANALYZE.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('enable_nestloop', 'off', true)")
        yield
        cursor.execute("SELECT set_config('enable_nestloop', 'on', true)")

"""Statements of whose text there are few and that are sent often, past Django's own cursor.

Django writes parameters into the text, so PostgreSQL parses and plans anew each time. Here they
stay apart, and from its fifth use on a connection keeps a statement prepared (psycopg's
documentation, "Prepared statements"), unless `prepare_threshold` is switched off for a pooler
that can't (docs/guides/running.md). Execution wrappers see these statements like any other.

PostgreSQL keeps a plan as well, unless those made for the values at hand promise to be cheaper,
as they do for every array of less than ten elements. `(SELECT %s::uuid[])` hides how long an
array is, and the statement is planned once (PostgreSQL documentation, "PREPARE").
"""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg
from django.db import (
    DEFAULT_DB_ALIAS,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    connections,
)
from django.db.backends.utils import CursorWrapper
from django.db.transaction import TransactionManagementError

from noren_kit.db import direct
from noren_kit.db.direct import Values
from noren_kit.db.tally import note, tally

_KEPT = "_noren_cursor"


class Question(NamedTuple):
    """A statement with its values; `planned_anew` where one plan for any values would be bad."""

    statement: str
    values: Values = ()
    planned_anew: bool = False


class _Unprepared(psycopg.Cursor[Any]):
    """Sends values apart from the text, and has each of its statements planned for them."""

    def execute(self, query: Any, params: Any = None, **_options: Any) -> Any:
        return super().execute(query, params, prepare=False)


def _connected(using: str) -> Any:
    # The connection itself: its proxy would cost more than a short statement's result.
    database = connections[using]
    database.close_if_health_check_failed()
    database.ensure_connection()
    return database


def _cursor(using: str, *, planned_anew: bool = False) -> CursorWrapper:
    database = _connected(using)
    kind = _Unprepared if planned_anew else psycopg.Cursor
    made: CursorWrapper = database.make_cursor(kind(database.connection))
    return made


def _kept_cursor(using: str) -> CursorWrapper:
    """The connection's own, for statements whose rows are all read before the next one is sent."""
    database = _connected(using)
    kept: CursorWrapper | None = vars(database).get(_KEPT)
    if kept is None or kept.cursor.connection is not database.connection:
        kept = database.make_cursor(psycopg.Cursor(database.connection))
        setattr(database, _KEPT, kept)
    return kept


def spare_health_check(using: str = DEFAULT_DB_ALIAS) -> None:
    """Before a transaction: do without `CONN_HEALTH_CHECKS`' statement where nothing has come.

    A server that ended the connection has said so, or its kernel has: there is something to read.
    One that fell silent is found by the next statement either way.
    """
    database: Any = connections[using]
    driver = database.connection
    if driver is None or driver.closed or database.in_atomic_block or database.errors_occurred:
        return
    waiting = select.poll()
    waiting.register(driver.pgconn.socket, select.POLLIN)
    if not waiting.poll(0):
        database.health_check_done = True


def fetch_all(
    statement: str,
    values: Values = (),
    planned_anew: bool = False,
    using: str = DEFAULT_DB_ALIAS,
) -> list[tuple[Any, ...]]:
    """All rows of one statement, with `%s` or `%(name)s` for its values.

    Raises Django's database errors. Arrays are to be cast: `%(ids)s::uuid[]`.
    """
    question = Question(statement, values, planned_anew)
    try:
        return _fetch_all(question, using)
    except NotSupportedError as error:
        if not _is_outdated(error):
            raise
        database = connections[using]
        if database.in_atomic_block:
            # Rolled back, the driver forgets what it has prepared: the next one succeeds.
            raise OperationalError(*error.args) from error.__cause__
        database.close()
    return _fetch_all(question, using)


def fetch_together(
    questions: Sequence[Question], using: str = DEFAULT_DB_ALIAS
) -> list[list[tuple[Any, ...]]]:
    """The rows of several statements that change nothing, asked for in one go.

    They are one transaction, without a BEGIN (PostgreSQL documentation, "Pipeline Mode"), in
    which each takes its own snapshot. Not to be called in a transaction: a setting that one of
    them makes local must end with them. Raises Django's database errors.
    """
    database = connections[using]
    if database.in_atomic_block:
        raise TransactionManagementError("These statements are a transaction of their own.")
    try:
        return _fetch_together(questions, using)
    except NotSupportedError as error:
        if not _is_outdated(error):
            raise
        database.close()
    return _fetch_together(questions, using)


def fetch_in_turn(
    questions: Sequence[Question], using: str = DEFAULT_DB_ALIAS
) -> list[list[tuple[Any, ...]]]:
    """The rows of several statements of a transaction, in one exchange where it can be.

    One comes after the other. What the rows of the first are, the others can't ask. Raises
    Django's database errors, and then the transaction must be rolled back.
    """
    found = direct.ask_in_turn(_connected(using), questions)
    return [fetch_all(*each, using=using) for each in questions] if found is None else found


def _fetch_together(questions: Sequence[Question], using: str) -> list[list[tuple[Any, ...]]]:
    database = connections[using]
    cursors = [_cursor(using, planned_anew=each.planned_anew) for each in questions]
    before, began = tally.seconds, time.perf_counter()
    # Looking at a result before the end would ask for it by itself, and cost a second round trip.
    with database.wrap_database_errors, database.connection.pipeline():
        for cursor, question in zip(cursors, questions, strict=True):
            cursor.execute(question.statement, question.values)
    # A statement is only handed over in a pipeline; the time is that of all of them.
    tally.seconds = before
    note("; ".join([each.statement for each in questions]), began, statements=0)
    return [cursor.fetchall() for cursor in cursors]


def fetch_alone(
    statement: str, values: Values = (), using: str = DEFAULT_DB_ALIAS
) -> list[tuple[Any, ...]]:
    """`fetch_all` for a statement that changes nothing and stands in no transaction.

    A kept connection is not asked first whether it still lives (`CONN_HEALTH_CHECKS`): if it was
    lost, the statement is sent once more over a new one, which comes to the same for less.
    """
    database: Any = connections[using]
    if database.connection is None:
        return fetch_all(statement, values, using=using)
    database.health_check_done = True
    try:
        return fetch_all(statement, values, using=using)
    except (OperationalError, InterfaceError):
        if database.connection is not None and database.is_usable():
            raise
        database.close()
    return fetch_all(statement, values, using=using)


def _fetch_all(question: Question, using: str) -> list[tuple[Any, ...]]:
    if question.planned_anew:
        with _cursor(using, planned_anew=True) as cursor:
            return _rows_of(cursor, question)
    rows = direct.ask(_connected(using), question.statement, question.values)
    return _rows_of(_kept_cursor(using), question) if rows is None else rows


def _rows_of(cursor: CursorWrapper, question: Question) -> list[tuple[Any, ...]]:
    cursor.execute(question.statement, question.values)
    found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _is_outdated(error: Exception) -> bool:
    """Whether a migration has changed the columns of what this connection had prepared."""
    cause = error.__cause__
    return (
        isinstance(cause, psycopg.errors.FeatureNotSupported)
        and cause.diag.source_function == "RevalidateCachedQuery"
    )


def execute(statement: str, values: Values = (), using: str = DEFAULT_DB_ALIAS) -> None:
    """The same for a statement that returns no rows."""
    if direct.ask(_connected(using), statement, values) is None:
        _kept_cursor(using).execute(statement, values)


def execute_last(statement: str, values: Values = (), using: str = DEFAULT_DB_ALIAS) -> None:
    """`execute` a transaction's last statement, in one exchange with its COMMIT where it can be.

    One that fails by itself where it has no effect: whether it succeeds is known at the COMMIT,
    which then fails with it.
    """
    if not direct.at_commit(_connected(using), statement, values):
        execute(statement, values, using)

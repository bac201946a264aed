"""Prepared statements, sent by libpq's own calls past the driver's cursor.

The driver brings its cursor, its generators and its waiting to each statement, which for a short
one cost as much as the server does, and sends BEGIN and COMMIT in exchanges of their own. Here a
statement that the driver keeps prepared is one call, the first of a transaction goes together
with its BEGIN, and the last, if nobody waits for its rows, together with its COMMIT (PostgreSQL
documentation, "Pipeline Mode").

Whatever is out of the ordinary goes the driver's way: a statement that is not prepared, wrappers
of execution, a log of statements, a transaction with characteristics of its own. The driver knows
what is prepared (`psycopg._preparing` and `psycopg._queries`, private: `tests/flows/test_direct.py`
tells when they change); it forgets, and has the server forget, after every rollback.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg._queries import PostgresQuery
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus

from noren_kit.db.tally import note

Values = Sequence[Any] | Mapping[str, Any]
Rows = list[tuple[Any, ...]]
_KEPT, _LAST, _RIDER = "_noren_wire", "_noren_last", "_noren_rider"
_TEXT = 0
_DONE = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


class _Wire:
    """A connection as libpq has it, with what makes values of it and of its rows."""

    __slots__ = ("driver", "pgconn", "poll", "query", "transformer")

    def __init__(self, driver: Any) -> None:
        self.driver, self.pgconn = driver, driver.pgconn
        self.transformer = Transformer(driver)
        self.query = PostgresQuery(self.transformer)
        self.poll = select.poll()
        self.poll.register(self.pgconn.socket, select.POLLIN)

    def name_of(self, statement: str, values: Values) -> bytes | None:
        """What the driver calls the statement; its values are then in `query`."""
        self.query.convert(statement, values)
        name: bytes | None = self.driver._prepared._names.get((self.query.query, self.query.types))
        return name

    def begins_plainly(self) -> bool:
        driver = self.driver
        return driver.isolation_level is driver.read_only is driver.deferrable is None

    def alone(self, name: bytes) -> Any:
        return self.pgconn.exec_prepared(name, self.query.params, self.query.formats, _TEXT)

    def together(self, *sends: Callable[[], None]) -> list[Any]:
        """The results of all that is sent, in one exchange.

        Where one fails, those behind it are not carried out.
        """
        self.pgconn.enter_pipeline_mode()
        try:
            for send in sends:
                send()
            self.pgconn.pipeline_sync()
            self._flush()
            results = [self._next() for _ in sends]
            self._wait()
            self.pgconn.get_result()  # Of the synchronisation.
        except BaseException:
            # What is left in it belongs to nobody.
            self.driver.close()
            raise
        self.pgconn.exit_pipeline_mode()
        return results

    def command(self, text: bytes) -> Callable[[], None]:
        return lambda: self.pgconn.send_query_params(text, None)

    def prepared(self, name: bytes) -> Callable[[], None]:
        """Sends the statement with the values that `name_of` was given last."""
        params, formats = self.query.params, self.query.formats
        return lambda: self.pgconn.send_query_prepared(name, params, formats, _TEXT)

    def _flush(self) -> None:
        while self.pgconn.flush():
            self.poll.modify(self.pgconn.socket, select.POLLIN | select.POLLOUT)
            self.poll.poll()
            self.poll.modify(self.pgconn.socket, select.POLLIN)
            self.pgconn.consume_input()

    def _wait(self) -> None:
        # `get_result` would wait too, and keep all other threads from running meanwhile.
        while self.pgconn.is_busy():
            self.poll.poll()
            self.pgconn.consume_input()

    def _next(self) -> Any:
        self._wait()
        result = self.pgconn.get_result()
        if result is None or self.pgconn.status == ConnStatus.BAD:
            raise psycopg.OperationalError(self.pgconn.get_error_message())
        self.pgconn.get_result()  # None: the end of this one's.
        return result

    def rows_of(self, result: Any) -> Rows:
        """Raises the driver's error where the statement failed."""
        self.query.params = None
        if result.status in _DONE:
            self.transformer.set_pgresult(result)
            found: Rows = self.transformer.load_rows(0, result.ntuples, tuple)
            self.transformer.set_pgresult(None)
            return found
        if self.pgconn.status == ConnStatus.BAD:
            raise psycopg.OperationalError(self.pgconn.get_error_message())
        raise error_from_result(result, encoding=self.transformer.encoding)


def _wire_of(database: Any) -> _Wire | None:
    """None where statements of this connection must go the driver's way."""
    driver = database.connection
    if driver is None or driver.closed or database.execute_wrappers or database.queries_logged:
        return None
    kept: _Wire | None = vars(database).get(_KEPT)
    if kept is None or kept.driver is not driver:
        kept = vars(database)[_KEPT] = _Wire(driver)
    return kept


class Rider:
    """A statement that goes with the first one of a transaction; `rows` is None if it did not."""

    __slots__ = ("rows", "statement", "values")

    def __init__(self, statement: str, values: Values) -> None:
        self.statement, self.values = statement, values
        self.rows: Rows | None = None


@contextmanager
def riding(database: Any, rider: Rider | None) -> Iterator[None]:
    """Take `rider` along with the statement of the block that begins a transaction."""
    vars(database)[_RIDER] = rider
    try:
        yield
    finally:
        vars(database)[_RIDER] = None


def ask(database: Any, statement: str, values: Values) -> Rows | None:
    """All rows of one statement, None where it has to go the driver's way.

    `database` is Django's connection. Raises Django's database errors.
    """
    wire = _wire_of(database)
    name = wire.name_of(statement, values) if wire else None
    if wire is None or name is None:
        return None
    database.validate_no_broken_transaction()
    status, begins = wire.pgconn.transaction_status, False
    if status == TransactionStatus.IDLE and not wire.driver.autocommit:
        begins = wire.begins_plainly()
        if not begins:
            return None
    elif status not in (TransactionStatus.IDLE, TransactionStatus.INTRANS):
        return None
    began = time.perf_counter()
    with database.wrap_database_errors:
        try:
            if begins:
                result = _begin_with(wire, name, vars(database).get(_RIDER))
            else:
                result = wire.alone(name)
        finally:
            note(statement, began)
        return wire.rows_of(result)


def _begin_with(wire: _Wire, name: bytes, rider: Rider | None) -> Any:
    """The result of the statement; the rider has its own rows."""
    sends = [wire.command(b"BEGIN"), wire.prepared(name)]
    along = wire.name_of(rider.statement, rider.values) if rider else None
    if rider is None or along is None:
        begun, result = wire.together(*sends)
    else:
        begun, result, ridden = wire.together(*sends, wire.prepared(along))
        if ridden.status in _DONE:
            rider.rows = wire.rows_of(ridden)
            note(rider.statement, time.perf_counter())
    return result if begun.status in _DONE else begun


def ask_in_turn(database: Any, questions: Sequence[tuple[str, Values, bool]]) -> list[Rows] | None:
    """The rows of several statements of a transaction that has begun, in one exchange.

    None where one of them has to go the driver's way. Raises Django's database errors, the first
    one's.
    """
    wire = _wire_of(database)
    if wire is None or wire.pgconn.transaction_status != TransactionStatus.INTRANS:
        return None
    sends = []
    for statement, values, planned_anew in questions:
        name = None if planned_anew else wire.name_of(statement, values)
        if name is None:
            return None
        sends.append(wire.prepared(name))
    database.validate_no_broken_transaction()
    began = time.perf_counter()
    with database.wrap_database_errors:
        try:
            results = wire.together(*sends)
        finally:
            note("; ".join([each[0] for each in questions]), began, statements=len(sends))
        return [wire.rows_of(result) for result in results]


def at_commit(database: Any, statement: str, values: Values) -> bool:
    """Have the statement sent together with the COMMIT, whose success then includes its own.

    For one that fails by itself where it has no effect. False where it must be sent at once:
    nothing can be behind a COMMIT that is somebody else's.
    """
    wire = _wire_of(database)
    if wire is None or database.savepoint_ids or not database.in_atomic_block:
        return False
    if wire.name_of(statement, values) is None:
        return False
    vars(database)[_LAST] = (statement, values)
    return True


def commit(database: Any) -> bool:
    """Commit with the statement that waits for it; False where the driver has to commit.

    Raises the driver's error where either fails, and then nothing is committed.
    """
    waiting = vars(database).pop(_LAST, None)
    if waiting is None:
        return False
    statement, values = waiting
    wire = _wire_of(database)
    name = wire.name_of(statement, values) if wire else None
    if wire is None or name is None:
        raise psycopg.OperationalError("What was to be sent with the COMMIT is not prepared.")
    began = time.perf_counter()
    try:
        result, committed = wire.together(wire.prepared(name), wire.command(b"COMMIT"))
    finally:
        note(f"{statement}; COMMIT", began)
    wire.rows_of(result)
    wire.rows_of(committed)
    return True


def forget(database: Any) -> None:
    """The transaction was rolled back: nothing waits for its COMMIT any more."""
    vars(database).pop(_LAST, None)

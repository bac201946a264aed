"""Look-ups that every request begins with: one row by a few values, at the least cost.

The driver's cursor takes three times as long as the server to bring one row. So where the driver
keeps a statement prepared, it is sent here by libpq's own call, and the row comes as the bytes
that the server wrote. What is made from a row is made once: the same bytes, asked for by the same
values, give the same object again. The server is asked every time, and its word alone counts.

Anything out of the ordinary (a transaction, wrappers of execution, an error, a lost connection, a
statement that is not prepared) goes through `noren_kit.db.prepared`, and is dealt with there.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus

from noren_kit.db.prepared import fetch_all, fetch_alone
from noren_kit.db.tally import note

Found = TypeVar("Found")
Value = uuid.UUID | str | None
Row = tuple[bytes | None, ...]

# pg_type.dat: what the driver calls the type of a UUID, and of what the statement gives a type.
_UUID_OID, _NO_OID = 2950, 0
_TEXT, _BINARY = 0, 1


class Lookup(Generic[Found]):
    """A statement for one row or none, with `%s` for its values, which `make` makes into more.

    `make(row, *values)` must hang on nothing else, and what it makes is shared: never changed.
    At most `most` of these are kept.

    Within a transaction `inside` is sent in its place, where there is one: the same row, with
    what else the transaction is to know, by the `further` values made from the values.
    """

    def __init__(
        self,
        statement: str,
        make: Callable[..., Found],
        *,
        values: int,
        most: int = 1024,
        inside: str | None = None,
        further: Callable[..., Sequence[Value]] = lambda *_values: (),
    ) -> None:
        self._inside, self._further = inside or statement, further
        self._statement, self._make, self._most = statement, make, most
        numbered = statement
        for number in range(1, values + 1):
            numbered = numbered.replace("%s", f"${number}", 1)
        self._numbered = numbered.encode()
        self._made: OrderedDict[Row, tuple[Row, Found]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, *values: Value) -> Found | None:
        """What is made from the row, None where there is none."""
        database: Any = connections[DEFAULT_DB_ALIAS]
        driver = database.connection
        if database.in_atomic_block:
            rows = fetch_all(self._inside, (*values, *self._further(*values)))
            return self._make(rows[0], *values) if rows else None
        if driver is not None and database.autocommit and not database.execute_wrappers:
            sent = tuple([_dumped(value) for value in values])
            result = self._result(driver, values, sent)
            if result is not None:
                # It has just answered.
                database.health_check_done = True
                return self._recalled(driver, result, values, sent)
        rows = fetch_alone(self._statement, values)
        return self._make(rows[0], *values) if rows else None

    def _result(self, driver: Any, values: tuple[Value, ...], sent: Row) -> Any:
        """The server's answer; None where the long way must be gone."""
        name = _prepared_name(driver, self._numbered, values)
        if name is None:
            return None
        try:
            began = time.perf_counter()
            result = driver.pgconn.exec_prepared(name, sent, _formats(values), _TEXT)
        except psycopg.Error:
            return None
        if result.status != ExecStatus.TUPLES_OK:
            return None
        note(self._statement, began)
        return result

    def _recalled(
        self, driver: Any, result: Any, values: tuple[Value, ...], sent: Row
    ) -> Found | None:
        if not result.ntuples:
            return None
        value = result.get_value
        row = tuple([value(0, column) for column in range(result.nfields)])
        made = self._made
        known = made.get(sent)
        if known is None or known[0] != row:
            transformer = Transformer(driver)
            transformer.set_pgresult(result)
            known = row, self._make(transformer.load_rows(0, 1, tuple)[0], *values)
        with self._lock:
            # One for the same values: a row that has changed does not come back.
            made[sent] = known
            made.move_to_end(sent)
            if len(made) > self._most:
                made.popitem(last=False)
        return known[1]


def _dumped(value: Value) -> bytes | None:
    if value is None:
        return None
    return value.bytes if isinstance(value, uuid.UUID) else value.encode()


def _formats(values: tuple[Value, ...]) -> list[int]:
    return [_BINARY if isinstance(each, uuid.UUID) else _TEXT for each in values]


def _prepared_name(driver: Any, statement: bytes, values: tuple[Value, ...]) -> bytes | None:
    """What the driver calls the statement on this connection, if it keeps it prepared.

    The driver forgets, and has the server forget, after every rollback; it alone knows what is
    there (`psycopg._preparing`, private: `tests/accounts/test_lookups.py` tells when that changes).
    """
    types = tuple([_UUID_OID if isinstance(each, uuid.UUID) else _NO_OID for each in values])
    names = getattr(getattr(driver, "_prepared", None), "_names", {})
    name: bytes | None = names.get((statement, types))
    return name

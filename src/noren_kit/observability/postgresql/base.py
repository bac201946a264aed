"""Django's PostgreSQL back end, which counts its statements, their time, and its connections.

A statement that waits for the COMMIT goes with it (`noren_kit.db.direct`).
"""

from __future__ import annotations

import time
from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.utils import CursorWrapper
from django.db.utils import DatabaseError, InternalError, OperationalError

from noren_kit.db import direct
from noren_kit.db.tally import note
from noren_kit.observability import metrics


def _judged(error: InternalError) -> DatabaseError:
    """The driver's own, which has no SQLSTATE, is a lost connection.

    A back end that ends right after its COMMIT (or BEGIN) answers twice; whether it was carried
    out is then as unknown as after any other end.
    """
    if getattr(error.__cause__, "sqlstate", None) is None:
        return OperationalError(*error.args)
    return error


class CountingCursor(CursorWrapper):
    """Counts where statements are handed to the driver."""

    def _execute(self, sql: Any, params: Any, *ignored: Any) -> Any:
        began = time.perf_counter()
        try:
            return super()._execute(sql, params, *ignored)  # type: ignore[misc]
        except InternalError as error:
            raise _judged(error) from error.__cause__
        finally:
            note(sql, began)

    def _executemany(self, sql: Any, param_list: Any, *ignored: Any) -> Any:
        began = time.perf_counter()
        try:
            return super()._executemany(sql, param_list, *ignored)  # type: ignore[misc]
        except InternalError as error:
            raise _judged(error) from error.__cause__
        finally:
            note(sql, began)


class DatabaseWrapper(base.DatabaseWrapper):
    """`ENGINE` is this module's package."""

    def make_cursor(self, cursor: Any) -> CursorWrapper:
        return CountingCursor(cursor, self)

    def get_new_connection(self, conn_params: Any) -> Any:
        made = super().get_new_connection(conn_params)
        metrics.connections_opened.labels(self.alias).inc()
        metrics.connections_open.labels(self.alias).inc()
        return made

    def _close(self) -> Any:
        direct.forget(self)
        if self.connection is not None:
            metrics.connections_open.labels(self.alias).dec()
        return super()._close()  # type: ignore[misc]

    def _rollback(self) -> Any:
        direct.forget(self)
        return super()._rollback()  # type: ignore[misc]

    def _commit(self) -> Any:
        with self.wrap_database_errors:
            if direct.commit(self):
                return None
        began = time.perf_counter()
        try:
            return super()._commit()  # type: ignore[misc]
        except InternalError as error:
            raise _judged(error) from error.__cause__
        finally:
            note("COMMIT", began, statements=0)

"""Statements that a block sends to PostgreSQL, recorded where Django hands them to the driver.

Every statement counts, savepoints too; BEGIN and COMMIT are the driver's own and do not pass
here, nor does the ping of `CONN_HEALTH_CHECKS` when a kept connection is taken up again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

_SAVEPOINT = re.compile(r'"?\bs\d+_x\d+\b"?')
_UUID = re.compile(r"'?[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}'?", re.IGNORECASE)


def normalised(sql: str) -> str:
    """A statement's text without what differs between two runs of the same code."""
    text = _UUID.sub("%s", _SAVEPOINT.sub("savepoint", str(sql)))
    return " ".join(text.split())


@contextmanager
def recorded_statements(using: str = "default") -> Iterator[list[str]]:
    """The normalised texts of all statements of the block, in their order."""
    seen: list[str] = []

    def record(execute: Callable[..., Any], sql: Any, params: Any, many: bool, info: Any) -> Any:
        seen.append(normalised(sql))
        return execute(sql, params, many, info)

    with connections[using].execute_wrapper(record):
        yield seen

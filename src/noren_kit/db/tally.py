"""How many statements this thread has sent, and how long they took.

Counted where a statement is handed to the driver, whichever way it goes; a request takes the
difference of two readings. BEGIN is the driver's own and is not counted, the time of COMMIT is.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable

import structlog

from noren_kit.core.conf import conf

Watcher = Callable[[str, float], None]


class _Tally(threading.local):
    statements = 0
    seconds = 0.0


tally = _Tally()
# Called with each statement's text and its seconds, once it has ended.
watchers: list[Watcher] = []
_log = structlog.stdlib.get_logger("noren.database")
_LITERAL = re.compile(r"'(?:[^']|'')*'")
_MOST_CHARACTERS = 2_000
# Below it nobody asks for the limit, which costs more than counting does.
_NEVER_SLOW_SECONDS = 0.001


def note(statement: object, began: float, *, statements: int = 1) -> None:
    """Count what began then (`time.perf_counter`) and has just ended; warn where it was slow."""
    spent = time.perf_counter() - began
    tally.statements += statements
    tally.seconds += spent
    if watchers:
        for watch in watchers:
            watch(str(statement), spent)
    if spent > _NEVER_SLOW_SECONDS and spent * 1000 >= conf.SLOW_STATEMENT_MILLISECONDS:
        _log.warning(
            "slow_statement", statement=shown(str(statement)), duration_ms=round(spent * 1000, 1)
        )


def shown(statement: str) -> str:
    """The statement's text on one line, without values that stand in it."""
    return " ".join(_LITERAL.sub("'?'", statement).split())[:_MOST_CHARACTERS]

"""Races that are run and not hoped for: everybody stands at the line before anyone starts.

Over HTTP the first request is often done before the second arrives. Here each runner is in its
own thread, on its own connection, inside its transaction, when the start is given.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

from django.db import connections

WAIT_SECONDS = 30


def race(
    runners: int, inside: Callable[[], AbstractContextManager[Any]], act: Callable[[], Any]
) -> list[Any]:
    """Run `act` in so many threads at once, each within `inside()`.

    Returns what each returned, or the exception that it raised.
    """
    start = threading.Barrier(runners, timeout=WAIT_SECONDS)

    def run(_number: int) -> Any:
        try:
            with inside():
                start.wait()
                return act()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(runners) as pool:
        return list(pool.map(run, range(runners)))

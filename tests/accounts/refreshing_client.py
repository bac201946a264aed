"""A client process of its own; nothing here needs Django, which a new process has not set up."""

from __future__ import annotations

from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier

from noren_kit.testing.live import Caller

REFRESH = "/api/auth/token/refresh/"


def refresh_on_demand(base_url: str, pipe: Connection, start: Barrier) -> None:
    """A client process: for each token that comes, exchange it when all the others do."""
    caller = Caller(base_url)
    while (token := pipe.recv()) is not None:
        start.wait(timeout=30)
        pipe.send(caller.post(REFRESH, {"refresh": token}))
    caller.close()

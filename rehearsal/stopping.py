"""Going down: readiness first, then what runs is finished, then the end; nothing is lost."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections import Counter

from noren_kit.stack.probing import probe
from rehearsal.application import READY, STOP_SECONDS
from rehearsal.stage import Stage

DRAIN_SECONDS = 4.0
CLIENTS = 6


def drain(stage: Stage) -> None:
    """A web process that was told to stop says so, and serves until its callers have noticed."""
    report, name = stage.report, "web-drained"
    port = stage.application.start_web(name, "--drain-seconds", str(DRAIN_SECONDS))
    stage.application.running[name].ask_to_stop()
    time.sleep(1.5)
    ready = probe(port, READY)
    report.check(
        "SIGTERM: not ready any more", ready.startswith("503") and "stopping" in ready, ready
    )
    report.check("SIGTERM: alive, and serving", probe(port, "/health/live/").startswith("200"))
    report.equal("SIGTERM: then it ends", stage.application.stop(name), {name: 0})


class _Caller(threading.Thread):
    """Places one order after the other, each over a connection of its own, until none is taken."""

    def __init__(self, stage: Stage, number: int, token: str, body: object) -> None:
        super().__init__(daemon=True)
        self._stage, self._number, self._token, self._body = stage, number, token, body
        self.placed: list[str] = []
        self.statuses: Counter[int] = Counter()
        self.lost: list[str] = []

    def run(self) -> None:
        address = 0
        while True:
            address += 1
            source = f"127.0.{10 + self._number}.{1 + address % 250}"
            client = self._stage.client(source)
            try:
                client.connect()
            except (OSError, ssl.SSLError):
                return  # Not taken, so nothing can be lost.
            client.token = self._token
            try:
                answer = client.send("POST", "/api/v1/orders/", self._body, Connection="close")
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(repr(error))
                return
            self.statuses[answer.status] += 1
            if answer.status == 201:
                self.placed.append(answer.data["id"])


def stop(stage: Stage) -> None:
    """Under load: the proxy first, then web, relay, worker and beat."""
    from rehearsal.use import one_order

    report = stage.report
    owner = stage.owner("127.0.0.41")
    body, product = one_order(owner)
    adjusted = owner.send(
        "POST",
        f"/api/v1/products/{product}/adjust_stock/",
        {"delta": 1_000_000, "reason": "rehearsal"},
    )
    report.equal("stock for the load", adjusted.status, 200)
    callers = [_Caller(stage, number, owner.token or "", body) for number in range(CLIENTS)]
    for caller in callers:
        caller.start()
    time.sleep(4)
    nginx = stage.servers.running["nginx"]
    nginx.ask_to_stop()
    for caller in callers:
        caller.join()
    report.equal("nginx ends by SIGQUIT", nginx.wait(), 0)
    statuses = sum((caller.statuses for caller in callers), Counter[int]())
    placed = [each for caller in callers for each in caller.placed]
    lost = [each for caller in callers for each in caller.lost]
    report.note(f"{len(placed)} orders were placed until the end")
    report.equal("answers other than 201", statuses.keys() - {201}, set())
    report.equal("requests without an answer", lost, [])
    known = stage.ask_database(
        "SELECT count(*) FROM orders_order WHERE id = ANY(%s::uuid[])", placed
    )
    report.equal("orders that were acknowledged are there", known, len(placed))
    handled = stage.eventually(lambda: stage.pending() == 0, 60)
    report.check("every event is handled", handled, stage.pending())
    began = time.monotonic()
    codes = stage.application.stop()
    report.equal("exit codes after SIGTERM", set(codes.values()), {0})
    seconds = time.monotonic() - began
    report.check("nobody had to be killed", seconds < STOP_SECONDS, f"{seconds:.1f} s")

"""A release under load: web replaced, worker and relay restarted, a column added; none notices.

Half of the orders carry an `Idempotency-Key`, half do not.
"""

from __future__ import annotations

import http.client
import os
import signal
import time
from collections import Counter
from typing import Any

from rehearsal.client import Answer, Client
from rehearsal.load import Load
from rehearsal.stage import Stage
from rehearsal.use import one_order

REPLACED = "server_replaced"
REPLACE_SECONDS = 90.0
RELEASE = "rehearsal.release.settings"


class Shoppers(Load):
    """Clients that list, look, search, order and cancel."""

    network = 50

    def __init__(self, stage: Stage, token: str, body: dict[str, Any], product: str) -> None:
        super().__init__(stage, token, body, product)
        self.statuses: Counter[int] = Counter()
        self.failures: list[str] = []
        self.orders: dict[str, str] = {}  # their numbers by their ids
        self.times: list[float] = []

    def one(self, client: Client, dice: float) -> None:
        if dice < 0.5:
            self._send(client, "GET", "/api/v1/products/?page_size=20")
        elif dice < 0.65:
            self._send(client, "GET", f"/api/v1/products/{self._product}/")
        elif dice < 0.75:
            self._send(client, "GET", "/api/v1/products/?search=tea")
        else:
            keyed = {"Idempotency-Key": f"{time.time_ns()}-{dice}"} if dice < 0.88 else {}
            placed = self._send(client, "POST", "/api/v1/orders/", self._body, **keyed)
            if placed is not None and placed.status == 201:
                order = placed.data["id"]
                with self._guard:
                    self.orders[order] = placed.data["order_number"]
                self._send(client, "POST", f"/api/v1/orders/{order}/cancel/", {})

    def _send(
        self, client: Client, method: str, path: str, body: Any = None, **headers: str
    ) -> Answer | None:
        began = time.monotonic()
        try:
            answer = client.send(method, path, body, **headers)
        except (OSError, http.client.HTTPException) as error:
            with self._guard:
                self.failures.append(f"{method} {path}: {error!r}")
            return None
        with self._guard:
            self.statuses[answer.status] += 1
            self.times.append(time.monotonic() - began)
            if not 200 <= answer.status < 300:
                self.failures.append(f"{method} {path}: {answer.status} {answer.body[:200]!r}")
        return answer


def roll(stage: Stage, rounds: int) -> None:
    """Replace all web processes `rounds` times, the rest once, under load."""
    report = stage.report
    owner = stage.owner("127.0.0.42")
    body, product = one_order(owner)
    stock = {"delta": 1_000_000, "reason": "rehearsal"}
    owner.send("POST", f"/api/v1/products/{product}/adjust_stock/", stock)
    with Shoppers(stage, owner.token or "", body, product) as load:
        time.sleep(2)
        began = time.monotonic()
        for number in range(rounds):
            replaced = all(_replace(stage, f"web-{each}") for each in (1, 2))
            report.check(f"restart {number + 1} of web", replaced)
            if number == rounds // 4:
                _restart(stage, "worker")
            if number == rounds // 2:
                _restart(stage, "relay")
            if number == 3 * rounds // 4:
                _migrate(stage)
        seconds = time.monotonic() - began
    slowest = sorted(load.times)
    report.note(
        f"{len(load.times)} requests in {seconds:.0f} s, {len(load.orders)} orders; median"
        f" {slowest[len(slowest) // 2] * 1000:.0f} ms, slowest {slowest[-1]:.1f} s;"
        f" {dict(load.statuses)}"
    )
    report.equal("failed requests", load.failures[:5], [])
    handled = stage.eventually(lambda: stage.pending() == 0, 120)
    report.check("every event is handled", handled, stage.pending())
    known = stage.ask_database(
        "SELECT count(*) FROM orders_order WHERE status = 'cancelled' AND id = ANY(%s::uuid[])",
        list(load.orders),
    )
    report.equal("orders, all cancelled again", known, len(load.orders))
    numbers = set(load.orders.values())
    stage.eventually(lambda: numbers <= stage.mailbox.numbers().keys(), 60)
    mails = stage.mailbox.numbers()
    report.equal("orders without a mail", [each for each in numbers if not mails[each]][:5], [])
    report.equal("with two", [each for each in numbers if mails[each] > 1][:5], [])
    stage.verify()


def _replace(stage: Stage, name: str) -> bool:
    """SIGHUP; true once the successor serves and the predecessor has ended."""
    before = len([each for each in stage.lines(name) if each.get("event") == REPLACED])
    os.kill(stage.application.running[name].pid, signal.SIGHUP)
    return stage.eventually(
        lambda: sum(each.get("event") == REPLACED for each in stage.lines(name)) > before,
        REPLACE_SECONDS,
    )


def _restart(stage: Stage, name: str) -> None:
    codes = stage.application.stop(name)
    stage.report.equal(f"{name} ends by SIGTERM", codes, {name: 0})
    stage.application.run_again(name)


def _migrate(stage: Stage) -> None:
    """The next release's migration, by `noren migrate`, while the old code serves."""
    stage.application.command("migrate", "--verbosity", "0", settings=RELEASE)
    added = stage.ask_database(
        "SELECT count(*) FROM information_schema.columns WHERE table_name = 'catalog_product'"
        " AND column_name = 'rehearsal_note'"
    )
    stage.report.equal("a column is added", added, 1)

"""One fault after another under load: what clients see of it, and how soon it is over.

Clients read, and place orders with an `Idempotency-Key` until each is acknowledged. While the
database is away they may be told 503 with `Retry-After`, and nothing else; without Redis, nothing
at all. Within `RECOVERY_SECONDS` of the cause's end everything answers again. In the end every
acknowledged order is there, once, with a mail, and `noren verify` finds nothing.
"""

from __future__ import annotations

import http.client
import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noren_kit.stack.ports import LOOPBACK
from rehearsal.client import Client
from rehearsal.load import Load
from rehearsal.stage import Stage
from rehearsal.unresolved import BACK_ENDS, hangs, hangs_and_all_is_cut, hangs_at_a_start
from rehearsal.use import one_order

RECOVERY_SECONDS, ANSWER_SECONDS = 10.0, 10.0
REDIS_SECONDS = 30.0
# What has piled up takes the worker as long as the machine lets it.
HANDLED_SECONDS = 180.0
FULL = Path("/dev/full")
ORDERS = "SELECT count(*) FROM orders_order WHERE notes = %s"


@dataclass(frozen=True)
class Seen:
    """One answer: `status` 0 is a connection that ended without one."""

    at: float
    seconds: float
    status: int
    told_when: bool
    what: str


class Traffic(Load):
    """Clients that go on whatever they are answered; `mark` names their orders."""

    network = 70

    def __init__(self, stage: Stage, token: str, body: dict[str, Any], product: str) -> None:
        self.mark = f"faults {uuid.uuid4()}"
        super().__init__(stage, token, {**body, "notes": self.mark}, product)
        self.seen: list[Seen] = []
        self.acknowledged: dict[str, str] = {}
        self.begun: set[str] = set()

    def since(self, began: float) -> list[Seen]:
        with self._guard:
            return [each for each in self.seen if each.at >= began]

    def one(self, client: Client, dice: float) -> None:
        if dice < 0.4:
            self._send(client, "GET", "/api/v1/products/?page_size=20")
        elif dice < 0.7:
            self._send(client, "GET", f"/api/v1/products/{self._product}/")
        else:
            self._order(client)

    def _order(self, client: Client) -> None:
        """Send it again, with its key, until it is acknowledged."""
        key = str(uuid.uuid4())
        with self._guard:
            self.begun.add(key)
        while not self._over.is_set():
            answer = self._send(client, "POST", "/api/v1/orders/", Idempotency_Key=key)
            if answer is not None and answer.status == 201:
                with self._guard:
                    self.acknowledged[key] = answer.data["id"]
                return
            time.sleep(0.2)

    def _send(self, client: Client, method: str, path: str, **headers: str) -> Any:
        body = self._body if method == "POST" else None
        answer, began = None, time.monotonic()
        try:
            answer = client.send(method, path, body, **headers)
        except (OSError, http.client.HTTPException) as error:
            status, told, text = 0, False, repr(error)
        else:
            status, told = answer.status, "retry-after" in answer.headers
            text = "" if status < 400 else str(answer.body[:150])
        at = time.monotonic()
        seen = Seen(at, at - began, status, told, f"{method} {path}: {text}")
        with self._guard:
            self.seen.append(seen)
        return answer


def faults(stage: Stage) -> None:
    """Plant each fault, and check what was seen of it."""
    report = stage.report
    owner = stage.owner("127.0.0.43")
    body, product = one_order(owner)
    stock = {"delta": 1_000_000, "reason": "rehearsal"}
    owner.send("POST", f"/api/v1/products/{product}/adjust_stock/", stock)
    mails = len(stage.mailbox.mails)
    with Traffic(stage, owner.token or "", body, product) as traffic:
        time.sleep(2)
        for name, plant, may_refuse in _FAULTS + (_OF_RESOLVER if stage.resolver else []):
            _one(stage, traffic, name, plant, may_refuse=may_refuse)
    report.note(f"{len(traffic.seen)} requests, {len(traffic.acknowledged)} orders acknowledged")
    handled = stage.eventually(lambda: stage.pending() == 0, HANDLED_SECONDS)
    report.check("every event is handled", handled, stage.pending())
    there = stage.ask_database(
        "SELECT count(*) FROM orders_order WHERE id = ANY(%s::uuid[])",
        list(traffic.acknowledged.values()),
    )
    report.equal("acknowledged orders that are there", there, len(traffic.acknowledged))
    twice = len(traffic.acknowledged) - len(set(traffic.acknowledged.values()))
    report.equal("orders acknowledged for two keys", twice, 0)
    made = stage.ask_database(ORDERS, traffic.mark)
    report.check(
        "no order more than was begun",
        len(traffic.acknowledged) <= made <= len(traffic.begun),
        (len(traffic.acknowledged), made, len(traffic.begun)),
    )
    arrived = stage.eventually(lambda: len(stage.mailbox.mails) - mails >= made, 60)
    report.check("a mail for each order", arrived, (len(stage.mailbox.mails) - mails, made))
    stage.verify()


def _one(
    stage: Stage, traffic: Traffic, name: str, plant: Callable[[Stage], None], *, may_refuse: bool
) -> None:
    report, began = stage.report, time.monotonic()
    plant(stage)
    ended = time.monotonic()
    time.sleep(RECOVERY_SECONDS)
    seen = traffic.since(began)
    counted = Counter(each.status for each in seen)
    bad = [each for each in seen if not 200 <= each.status < 300]
    last = max((each.at for each in bad), default=ended)
    slowest = max((each.seconds for each in seen), default=0.0)
    report.note(
        f"{name}: {len(seen)} answers in {ended - began:.1f} s and {RECOVERY_SECONDS:.0f} s after,"
        f" {dict(sorted(counted.items()))}, slowest {slowest:.1f} s;"
        f" over {max(0.0, last - ended):.1f} s after its end"
    )
    if may_refuse:
        wrong = [each.what for each in bad if each.status != 503 or not each.told_when]
        report.equal(f"{name}: answers but 2xx and 503 with Retry-After", wrong[:3], [])
    else:
        report.equal(f"{name}: answers but 2xx", [each.what for each in bad[:3]], [])
    in_time = f"{name}: every answer within {ANSWER_SECONDS:.0f} s"
    report.check(in_time, slowest < ANSWER_SECONDS, f"{slowest:.1f} s")
    recent = [each for each in seen if each.at > ended + RECOVERY_SECONDS - 2]
    well = bool(recent) and all(200 <= each.status < 300 for each in recent)
    report.check(f"{name}: well within {RECOVERY_SECONDS:.0f} s", well, counted)


def _redis_away(stage: Stage) -> None:
    stage.servers.running["redis-server"].stop()
    time.sleep(REDIS_SECONDS)
    stage.servers.run_redis()


def _postgres_restarted(stage: Stage) -> None:
    stage.servers.running["postgres"].stop()
    stage.servers.run_postgres()


def _back_ends_terminated(stage: Stage) -> None:
    for _again in range(3):
        stage.ask_database(BACK_ENDS)
        time.sleep(0.3)


def _pooler_restarted(stage: Stage) -> None:
    stage.servers.running["pgbouncer"].stop()
    stage.servers.run_pgbouncer()


def _worker_killed(stage: Stage) -> None:
    """As its supervisor does, it is started again."""
    process = stage.application.running["worker"]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    stage.application.run_again("worker")


def _log_on_a_full_device(stage: Stage) -> None:
    """One more web process, whose log can't be written."""
    port = stage.application.start_web("web-full", output=FULL)
    body, _product = one_order(stage.owner("127.0.0.44"))
    # As the proxy asks, which this one is not behind.
    client, proxied = Client(port, None, LOOPBACK), {"X_Forwarded_Proto": "https"}
    client.token = stage.owner("127.0.0.45").token
    statuses: Counter[int] = Counter()
    for _number in range(20):
        key = {"Idempotency_Key": str(uuid.uuid4())}
        statuses[client.send("POST", "/api/v1/orders/", body, **key, **proxied).status] += 1
        statuses[client.send("GET", "/api/v1/products/", **proxied).status] += 1
    client.close()
    stage.application.stop("web-full")
    stage.report.equal("answers without a log", dict(statuses), {201: 20, 200: 20})


_FAULTS: list[tuple[str, Callable[[Stage], None], bool]] = [
    ("Redis is away for 30 s", _redis_away, False),
    ("PostgreSQL is restarted", _postgres_restarted, True),
    ("all back ends are terminated", _back_ends_terminated, True),
    ("PgBouncer is restarted", _pooler_restarted, True),
    ("a worker is killed", _worker_killed, False),
    ("the log is on a full device", _log_on_a_full_device, False),
]
_OF_RESOLVER: list[tuple[str, Callable[[Stage], None], bool]] = [
    ("the resolver hangs", hangs, False),
    ("the resolver hangs, connections cut", hangs_and_all_is_cut, True),
    ("web starts while the resolver hangs", hangs_at_a_start, False),
]

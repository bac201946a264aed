"""Whatever is killed, what was acknowledged is there, once, and adds up.

64 clients do at random what a shop's staff does, with keys, and send again what broke, while web
processes, worker, relay and back ends of the database are killed. 60 seconds in the suite, 10
minutes with at least 200 kills in `make soak`.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from soak_clients import API, Client, Scene
from soak_killing import Killer, killing
from soak_stack import Stack
from soak_truth import Truth
from tests.flows.test_events import subjects
from tests.idempotency.retrying_callers import RetryingCaller

SOAK = "NOREN_SOAK" in os.environ
SECONDS, LEAST_KILLS = (600, 200) if SOAK else (60, 15)
PAUSES = (0.6, 2.0)
CLIENTS, PAUSE_SECONDS = 64, 0.35
WORKER_PROCESSES = 2
REPLAYS = 2


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("NOREN_HOME", str(tmp_path))
    with Stack(tmp_path) as running:
        yield running


def work_and_kill(stack: Stack, scenes: list[Scene]) -> tuple[list[Client], Killer]:
    """All clients at work until the time is over, and a killer among them."""
    clients = [
        Client(stack.base_url, scene, key, seed)
        for seed, (scene, key) in enumerate(
            (scene, key) for scene in scenes for key in scene.shop["keys"]
        )
    ]
    until = time.monotonic() + SECONDS
    with ThreadPoolExecutor(len(clients)) as pool:
        with killing(stack, PAUSES) as killer:
            working = [pool.submit(client.work, until, PAUSE_SECONDS) for client in clients]
            time.sleep(max(0.0, until - time.monotonic()))
        for each in working:
            each.result()
    return clients, killer


def most_mails_again(kills: Counter[str]) -> int:
    """A mail is sent again only where its worker or its connection died between it and its mark."""
    each = kills["worker"] + kills["back end killed"]
    return each * WORKER_PROCESSES + kills["back end terminated"]


def assert_replayed(stack: Stack, client: Client) -> None:
    """Long afterwards, the same key has the same answer."""
    placed = [each for each in client.done if each.kind == "place"]
    caller = RetryingCaller(stack.base_url, client.caller.authorization)
    for done in random.sample(placed, min(len(placed), REPLAYS)):
        again = caller.complete(API + done.path, done.body, done.key)
        assert (again.status, again.replayed, again.answer()) == (201, True, done.answer)
    caller.close()


def test_nothing_acknowledged_is_lost_or_doubled(stack: Stack) -> None:
    scenes = [Scene(shop) for shop in stack.make_shops(CLIENTS // 2)]
    clients, killer = work_and_kill(stack, scenes)
    assert stack.error is None
    stack.settle()
    done = [each for client in clients for each in client.done]
    abandoned = [key for client in clients for key in client.abandoned]
    for client in clients:
        assert_replayed(stack, client)
    with stack.connect() as database:
        truth = Truth(database, [scene.shop for scene in scenes], done, abandoned)
        faults = truth.faults()
    sent = subjects(stack.mails)
    faults += truth.mail_faults(sent, most_mails_again(killer.kills))
    wrong, deadlocks = stack.verify(), stack.deadlocks()
    seen = sum((client.caller.seen for client in clients), Counter())
    refused = sum((client.refused for client in clients), Counter())
    kinds = Counter(each.kind for each in done)
    print(
        f"{killer.kills.total()} kills in {SECONDS} s: {dict(killer.kills)}",
        f"{len(done)} acknowledged: {dict(kinds)}; {refused.total()} refused: {dict(refused)}",
        f"answers: {dict(seen)}",
        f"{len(abandoned)} orders abandoned, {truth.appeared()} of them placed",
        f"{sum(sent.values())} mails, {sum(sent.values()) - len(sent)} of them again",
        f"verify: {wrong or 'clean'}; deadlocks: {deadlocks}; faults: {len(faults)}",
        *faults,
        sep="\n",
    )
    assert faults == []
    assert wrong == {}
    assert deadlocks == 0
    assert [client.caller.broken() for client in clients if client.caller.broken()] == []
    assert killer.kills.total() >= LEAST_KILLS
    assert len(killer.kills) == len(killer.ways), "each way once"
    assert all(kinds[kind] for kind in ("place", "cancel", "return", "refund", "describe", "price"))

"""Bulk calls of several clients on the same rows, over real web processes.

Ids come in crossing orders, so that locks taken in the order of the rows would deadlock.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from noren.catalog.models import Product
from noren.inventory.queries import find_differences
from noren_kit.testing.live import Caller
from noren_kit.testing.shops import Shop
from store import API, Store

ROUNDS = 50 if "NOREN_SOAK" in os.environ else 4
ROWS = 40
BULK = f"{API}products/bulk/"
Act = Callable[[Caller], tuple[int, Any]]


@pytest.fixture
def at_once(four_processes: str, shop: Shop) -> Iterator[Callable[..., list[tuple[int, Any]]]]:
    """Makes calls from one start, each on a connection of its own; returns the answers."""
    token = shop.token("owner")
    callers = [Caller(four_processes, token) for _ in range(4)]
    pool = ThreadPoolExecutor(4)

    def run(*acts: Act) -> list[tuple[int, Any]]:
        start = threading.Barrier(len(acts), timeout=30)

        def one(at: int) -> tuple[int, Any]:
            start.wait()
            return acts[at](callers[at])

        return list(pool.map(one, range(len(acts))))

    yield run
    pool.shutdown()
    for caller in callers:
        caller.close()


def products(store: Store, round_number: int) -> list[str]:
    category = store.category()["id"]
    rows = [
        {"name": "Tea", "sku": f"R{round_number}-{at}", "price": "100", "category": category}
        for at in range(ROWS)
    ]
    return [row["id"] for row in store.post("products/bulk/", rows)["results"]]


def patching(ids: list[str], **values: Any) -> Act:
    return lambda caller: caller.send("PATCH", BULK, [{"id": each, **values} for each in ids])


def test_two_updates_in_crossing_orders_lose_nothing(shop: Shop, at_once: Any) -> None:
    store = Store(shop)
    for number in range(ROUNDS):
        ids = products(store, number)
        answers = at_once(
            patching(ids, name="Green tea"),
            patching(ids[::-1], description="from Uji"),
            patching(ids[::2] + ids[1::2], price="90"),
            patching(ids[1::2] + ids[::2], status="active"),
        )
        assert [status for status, _body in answers] == [200] * 4, answers
        with shop.entered():
            found = Product.objects.filter(id__in=ids)
            assert set(found.values_list("name", "description", "price", "status", "version")) == {
                ("Green tea", "from Uji", 90, "active", 5)
            }
            assert found.count() == ROWS


def test_of_updates_of_one_version_one_wins_whole(shop: Shop, at_once: Any) -> None:
    store = Store(shop)
    for number in range(ROUNDS):
        ids = products(store, number)
        answers = at_once(
            patching(ids, name="one", version=1),
            patching(ids[::-1], name="two", version=1),
        )
        assert sorted(status for status, _body in answers) == [200, 400], answers
        winner = ("one", "two")[[status for status, _body in answers].index(200)]
        with shop.entered():
            found = Product.objects.filter(id__in=ids)
            assert set(found.values_list("name", "version")) == {(winner, 2)}


def test_creating_changing_and_deleting_the_same_rows(shop: Shop, at_once: Any) -> None:
    """Skus of rows that go are taken by new ones, or are not; each row ends in one piece."""
    store = Store(shop)
    category = store.category()["id"]
    for number in range(ROUNDS):
        ids = products(store, number)
        new = [
            {
                "name": "New",
                "sku": f"R{number}-{at}",
                "price": "100",
                "category": category,
                "stock_quantity": 1,
            }
            for at in reversed(range(ROWS))
        ]
        gone = [{"id": each} for each in ids[: ROWS // 2]]
        created, changed, deleted, again = at_once(
            lambda caller, new=new: caller.send("POST", f"{BULK}?mode=reject_failed_rows", new),
            patching(ids[::-1], name="Changed"),
            lambda caller, gone=gone: caller.send("DELETE", BULK, gone),
            lambda caller, gone=gone: caller.send("DELETE", BULK, gone[::-1]),
        )
        assert created[0] in (200, 201, 409), created
        assert changed[0] in (200, 400), changed
        # Who comes second finds none of them.
        assert sorted((deleted[0], again[0])) == [200, 400], (deleted, again)
        with shop.entered():
            live = Product.objects.filter(sku__startswith=f"R{number}-")
            skus = list(live.values_list("sku", flat=True))
            assert len(skus) == len(set(skus))
            kept = Product.objects.filter(id__in=ids)
            assert {str(each.id) for each in kept} == set(ids[ROWS // 2 :])
            assert kept.count() == ROWS // 2
            assert set(kept.values_list("name", flat=True)) == {
                "Changed" if changed[0] == 200 else "Tea"
            }
            assert live.filter(name="New").count() == created[1].get("created_count", 0)
            assert not list(find_differences())

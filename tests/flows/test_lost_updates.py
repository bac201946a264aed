"""Changes of one row at once: none is lost, and what is deleted stays deleted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from django.db import connections
from tests.store import API, Store

from noren_kit.testing.shops import Client, Shop

ROUNDS = 12


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Send requests from one start, each on a connection of its own; returns the answers."""
    start = threading.Barrier(len(calls), timeout=30)

    def run(call: Callable[[], Any]) -> Any:
        try:
            start.wait()
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_what_is_deleted_stays_deleted(shop: Shop) -> None:
    store = Store(shop)
    for path, made in (
        ("suppliers", lambda at: store.post("suppliers/", {"code": f"s{at}", "name": "S"})),
        ("products", lambda _at: store.product()),
    ):
        for at in range(ROUNDS):
            url = f"{API}{path}/{made(at)['id']}/"
            clients = [Client(shop.token("owner")) for _ in range(4)]
            *patched, deleted = at_once(
                *(partial(client.patch, url, {"name": "T"}) for client in clients[:3]),
                partial(clients[3].delete, url),
            )
            assert {answer.status_code for answer in patched} <= {200, 404}
            assert deleted.status_code == 204
            assert store.client.get(url).status_code == 404


def test_two_fields_changed_by_two_callers(shop: Shop) -> None:
    store = Store(shop)
    for _ in range(ROUNDS):
        url = f"{API}customers/{store.customer()['id']}/"
        one, two = Client(shop.token("owner")), Client(shop.token("owner"))
        answers = at_once(
            partial(one.patch, url, {"name": "Tanaka"}),
            partial(two.patch, url, {"company": "KK"}),
        )
        assert [answer.status_code for answer in answers] == [200, 200]
        left = store.client.get(url).json()
        assert (left["name"], left["company"]) == ("Tanaka", "KK")


def test_nothing_live_refers_to_what_was_deleted(shop: Shop) -> None:
    store = Store(shop)
    for at in range(ROUNDS):
        category = store.category()["id"]
        body = {"name": "P", "sku": f"P{at}", "price": "10", "category": category}
        one, two = Client(shop.token("owner")), Client(shop.token("owner"))
        made, deleted = at_once(
            partial(one.post, f"{API}products/", body),
            partial(two.delete, f"{API}categories/{category}/"),
        )
        assert (made.status_code, deleted.status_code) in {(201, 409), (400, 204)}


def test_moves_and_renames_never_make_a_loop(shop: Shop) -> None:
    store = Store(shop)
    for _ in range(ROUNDS):
        upper, lower = store.category()["id"], store.category()["id"]
        clients = [Client(shop.token("owner")) for _ in range(4)]
        at_once(
            partial(clients[0].patch, f"{API}categories/{upper}/", {"parent": lower}),
            partial(clients[1].patch, f"{API}categories/{lower}/", {"parent": upper}),
            partial(clients[2].patch, f"{API}categories/{upper}/", {"tax_rate": "8"}),
            partial(clients[3].patch, f"{API}categories/{lower}/", {"tax_rate": "8"}),
        )
        parents = [store.get(f"categories/{each}/")["parent"] for each in (upper, lower)]
        assert parents in ([lower, None], [None, upper])


def test_staff_do_not_lift_the_need_for_approval(shop: Shop) -> None:
    bound = Store(shop).category(requires_approval=True)
    client = shop.client("staff")
    url = f"{API}categories/{bound['id']}/"
    for body in ({"requires_approval": False}, {"name": "Other"}):
        assert client.patch(url, body).json()["code"] == "approval_required"
    below = {"name": "Below", "parent": bound["id"]}
    assert client.post(f"{API}categories/", below).json()["code"] == "approval_required"
    new = {"name": "New", "requires_approval": True}
    assert client.post(f"{API}categories/", new).json()["code"] == "approval_required"
    inherited = shop.client("manager").post(f"{API}categories/", below).json()
    assert inherited["requires_approval"] is True

"""Cancelling gives back exactly what was taken, once."""

from __future__ import annotations

import uuid

import pytest

from noren.inventory.queries import find_differences
from noren.orders.errors import InvalidTransition
from noren.orders.models import Order
from noren.orders.queries import find_unexplained_lines
from noren.orders.services import cancel_order
from noren_kit.outbox.models import Event
from noren_kit.testing.answers import assert_error
from noren_kit.testing.races import race
from noren_kit.testing.shops import Shop
from store import API, Store


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


def test_what_was_taken_is_given_back(store: Store, shop: Shop) -> None:
    first, second = store.product(stock_quantity=10), store.product(stock_quantity=5)
    order = store.order((first, 3), (second, 5), (first, 1))
    assert (store.stock(first), store.stock(second)) == (6, 0)
    response = shop.client("staff").post(f"{API}orders/{order['id']}/cancel/")
    assert response.status_code == 200, response.json()
    cancelled = response.json()
    changed = {name for name in order if cancelled[name] != order[name]}
    assert changed == {"status", "updated_at", "updated_by"}
    assert cancelled["status"] == "cancelled"
    assert cancelled["updated_by"]["id"] == str(shop.users["staff"].id)
    assert store.get(f"orders/{order['id']}/") == cancelled
    assert (store.stock(first), store.stock(second)) == (10, 5)
    assert store.get(f"products/{first['id']}/")["total_sales"] == 0
    rows = store.get(f"products/{first['id']}/stock_movements/")["results"]
    assert sorted((row["kind"], row["quantity"]) for row in rows) == [
        ("received", 10),
        ("returned", 1),
        ("returned", 3),
        ("sold", -3),
        ("sold", -1),
    ]
    with shop.entered():
        assert list(find_differences()) == list(find_unexplained_lines()) == []
        events = Event.objects.filter(aggregate_id=order["id"]).order_by("sequence")
        assert [(event.type, event.sequence) for event in events] == [
            ("order.placed", 1),
            ("order.cancelled", 2),
        ]


def test_twice_is_a_conflict_and_gives_back_once(store: Store) -> None:
    product = store.product(stock_quantity=10)
    url = f"{API}orders/{store.order((product, 3))['id']}/cancel/"
    assert store.client.post(url).status_code == 200
    for _time in range(3):
        details = assert_error(store.client.post(url), 409, "invalid_transition")
        assert details == {"status": "cancelled", "allowed": []}
    assert store.stock(product) == 10


@pytest.mark.parametrize("status", ["shipped", "delivered", "returned"])
def test_only_before_it_is_shipped(store: Store, shop: Shop, status: str) -> None:
    product = store.product(stock_quantity=10)
    order = store.order((product, 3))
    with shop.entered():
        Order.objects.filter(id=order["id"]).update(status=status)
    response = store.client.post(f"{API}orders/{order['id']}/cancel/")
    details = assert_error(response, 409, "invalid_transition")
    assert details["status"] == status
    assert "cancelled" not in details["allowed"]
    assert store.stock(product) == 7


def test_a_confirmed_order_may_be_cancelled(store: Store, shop: Shop) -> None:
    product = store.product(stock_quantity=10)
    order = store.order((product, 3))
    with shop.entered():
        Order.objects.filter(id=order["id"]).update(status="confirmed")
    assert store.post(f"orders/{order['id']}/cancel/", None, 200)["status"] == "cancelled"
    assert store.stock(product) == 10


def test_after_the_product_is_gone(store: Store, shop: Shop) -> None:
    """Its stock comes back all the same, for the ledger must add up."""
    product = store.product(stock_quantity=10)
    order = store.order((product, 3))
    store.client.delete(f"{API}products/{product['id']}/")
    assert store.post(f"orders/{order['id']}/cancel/", None, 200)["status"] == "cancelled"
    with shop.entered():
        assert list(find_differences()) == list(find_unexplained_lines()) == []


def test_stock_that_runs_low_is_announced_once(store: Store, shop: Shop) -> None:
    product = store.product(stock_quantity=12)
    order = store.order((product, 1))
    with shop.entered():
        assert Event.objects.filter(type="stock.low").count() == 0
    store.order((product, 1))
    store.order((product, 1))
    with shop.entered():
        event = Event.objects.get(type="stock.low")
        assert event.payload == {"product_id": product["id"], "available": 10}
    store.post(f"orders/{order['id']}/cancel/", None, 200)
    store.post(f"products/{product['id']}/adjust_stock/", {"delta": 5, "reason": "x"}, 200)
    store.order((product, 5))
    with shop.entered():
        assert Event.objects.filter(type="stock.low").count() == 2, "it had risen in between"


def test_unknown_orders(store: Store) -> None:
    for pk in (uuid.uuid4(), "x"):
        assert_error(store.client.post(f"{API}orders/{pk}/cancel/"), 404, "not_found")


def test_it_takes_no_body(store: Store) -> None:
    order = store.order((store.product(), 1))
    response = store.client.post(f"{API}orders/{order['id']}/cancel/", {"reason": "x"})
    assert set(assert_error(response, 400)) == {"reason"}
    assert store.get(f"orders/{order['id']}/")["status"] == "placed"


def test_of_many_at_once_one_gives_back(store: Store, shop: Shop) -> None:
    product = store.product(stock_quantity=10)
    order = uuid.UUID(store.order((product, 3))["id"])
    ended = race(12, shop.entered, lambda: cancel_order(order))
    assert [each.id for each in ended if isinstance(each, Order)] == [order]
    assert sum(isinstance(each, InvalidTransition) for each in ended) == 11, ended
    assert store.stock(product) == 10
    assert store.get(f"products/{product['id']}/")["total_sales"] == 0

"""Reservations: what is held others can't take, and what has expired counts no longer."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.utils import timezone

from noren.inventory.errors import InsufficientStock
from noren.inventory.models import StockHold
from noren.inventory.queries import find_differences
from noren.inventory.tasks import release_expired_holds
from noren.orders.models import Reservation
from noren.orders.queries import find_unexplained_lines
from noren.orders.services import NewLine, reserve
from noren_kit.testing.answers import assert_error
from noren_kit.testing.races import race
from noren_kit.testing.shops import Shop
from store import API, Store


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


def held(store: Store, *lines: Any, expires_in: int = 600) -> dict[str, Any]:
    items = store.order_body(*lines, customer="")["items"]
    return store.post("reservations/", {"items": items, "expires_in": expires_in})


def run_out(shop: Shop) -> None:
    """As if the time had passed."""
    with shop.entered():
        past = timezone.now() - dt.timedelta(seconds=1)
        StockHold.objects.update(expires_at=past)
        Reservation.objects.update(expires_at=past)


def assert_sound(shop: Shop) -> None:
    with shop.entered():
        assert list(find_differences()) == list(find_unexplained_lines()) == []


def short_of(store: Store, product: dict[str, Any], quantity: int) -> int:
    response = store.client.post(f"{API}orders/", store.order_body((product, quantity)))
    [item] = assert_error(response, 409, "insufficient_stock")["items"]
    available: int = item["available"]
    return available


def test_what_is_held_is_not_for_others(store: Store, shop: Shop) -> None:
    product = store.product(stock_quantity=10)
    reservation = held(store, (product, 4), (product, 3))
    assert reservation["status"] == "held"
    assert [item["quantity"] for item in reservation["items"]] == [4, 3]
    stock = store.get(f"products/{product['id']}/check_stock/")
    assert (stock["quantity"], stock["on_hand"], stock["reserved"]) == (3, 10, 7)
    assert store.get(f"products/{product['id']}/")["stock_quantity"] == 3
    assert short_of(store, product, 4) == 3
    assert_sound(shop)
    order = store.order((product, 7), reservation=reservation["id"])
    used = store.get(f"reservations/{reservation['id']}/")
    assert (used["status"], used["order"]) == ("used", order["id"])
    assert store.stock(product) == 3
    rows = store.get(f"products/{product['id']}/stock_movements/")["results"]
    assert [(row["kind"], row["quantity"]) for row in reversed(rows)] == [
        ("received", 10),
        ("reserved", 7),
        ("released", -7),
        ("sold", -7),
    ]
    assert_sound(shop)


def test_an_order_of_all_that_is_held(store: Store, shop: Shop) -> None:
    product = store.product(stock_quantity=10)
    variant = store.variant(product, stock_quantity=10)
    reservation = held(store, (product, 10), (variant, 2))
    body = {"customer": store.customer()["id"], "reservation": reservation["id"]}
    order = store.post("orders/", body)
    assert [item["quantity"] for item in order["items"]] == [10, 2]
    details = assert_error(store.client.post(f"{API}orders/", body), 409, "reservation_not_held")
    assert details == {"status": "used"}
    assert (store.stock(product), store.stock(variant)) == (0, 8)
    assert_sound(shop)


def test_it_counts_no_longer_once_it_has_expired(store: Store, shop: Shop) -> None:
    """Though nothing has swept it."""
    product = store.product(stock_quantity=10)
    reservation = held(store, (product, 10))
    assert short_of(store, product, 1) == 0
    run_out(shop)
    assert store.get(f"reservations/{reservation['id']}/")["status"] == "expired"
    assert store.stock(product) == 10
    body = {"customer": store.customer()["id"], "reservation": reservation["id"]}
    details = assert_error(store.client.post(f"{API}orders/", body), 409, "reservation_not_held")
    assert details == {"status": "expired"}
    store.order((product, 10))
    assert store.stock(product) == 0
    assert_sound(shop)


def test_others_may_reserve_what_has_expired(store: Store, shop: Shop) -> None:
    product = store.product(stock_quantity=10)
    held(store, (product, 10))
    run_out(shop)
    held(store, (product, 9))
    assert store.stock(product) == 1
    assert_sound(shop)


def test_the_sweep(store: Store, shop: Shop, neighbour: Shop) -> None:
    product, kept = store.product(stock_quantity=10), Store(neighbour).product()
    held(store, (product, 4))
    run_out(shop)
    held(store, (product, 5))
    held(Store(neighbour), (kept, 5))
    assert release_expired_holds() == 1
    assert release_expired_holds() == 0
    assert store.get(f"products/{product['id']}/")["stock_quantity"] == 5
    assert Store(neighbour).stock(kept) == 95
    assert_sound(shop)


def test_letting_go(store: Store, shop: Shop) -> None:
    product = store.product(stock_quantity=10)
    first, second = held(store, (product, 4)), held(store, (product, 5))
    for _time in range(2):
        answer = store.post(f"reservations/{first['id']}/release/", None, 200)
        assert answer["status"] == "released"
    assert store.stock(product) == 5
    assert store.client.delete(f"{API}reservations/{second['id']}/").status_code == 204
    assert_error(store.client.get(f"{API}reservations/{second['id']}/"), 404, "not_found")
    assert store.stock(product) == 10
    assert_sound(shop)


def test_what_an_order_used_can_not_be_let_go(store: Store, shop: Shop) -> None:
    product = store.product(stock_quantity=10)
    reservation = held(store, (product, 4))
    store.post("orders/", {"customer": store.customer()["id"], "reservation": reservation["id"]})
    url = f"{API}reservations/{reservation['id']}/"
    assert_error(store.client.post(f"{url}release/"), 409, "reservation_not_held")
    assert_error(store.client.delete(url), 409, "reservation_not_held")
    assert store.stock(product) == 6
    assert_sound(shop)


def test_too_much_is_refused_whole(store: Store, shop: Shop) -> None:
    first, second = store.product(stock_quantity=10), store.product(stock_quantity=1)
    items = store.order_body((first, 2), (second, 2))["items"]
    response = store.client.post(f"{API}reservations/", {"items": items, "expires_in": 60})
    details = assert_error(response, 409, "insufficient_stock")
    assert details["items"] == [{"product_id": second["id"], "requested": 2, "available": 1}]
    assert store.stock(first) == 10
    assert_sound(shop)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"expires_in": 0}, {"expires_in"}),
        ({"expires_in": 86_401}, {"expires_in"}),
        ({"expires_in": 10**30}, {"expires_in"}),
        ({"expires_in": "60"}, {"expires_in"}),
        ({"items": []}, {"items"}),
        ({"items": [{"product_id": str(uuid.uuid4()), "quantity": 1}]}, {"items"}),
        ({"status": "used"}, {"status"}),
    ],
)
def test_malformed(store: Store, change: dict[str, Any], names: set[str]) -> None:
    items = store.order_body((store.product(), 1))["items"]
    body = {"items": items, "expires_in": 60, **change}
    response = store.client.post(f"{API}reservations/", body)
    assert set(assert_error(response, 400, "validation_error")) == names


def test_reservations_of_others(store: Store, neighbour: Shop) -> None:
    foreign = Store(neighbour)
    other = held(foreign, (foreign.product(), 1))["id"]
    for pk in (other, str(uuid.uuid4())):
        body = store.order_body((store.product(), 1), reservation=pk)
        faults = assert_error(store.client.post(f"{API}orders/", body), 400, "validation_error")
        assert faults["reservation"][0]["code"] == "does_not_exist"


def test_of_many_at_once_as_many_as_there_is(store: Store, shop: Shop) -> None:
    product = uuid.UUID(store.product(stock_quantity=5)["id"])
    ended = race(12, shop.entered, lambda: reserve([NewLine(product, 1)], seconds=60))
    assert sum(isinstance(each, Reservation) for each in ended) == 5, ended
    assert sum(isinstance(each, InsufficientStock) for each in ended) == 7, ended
    assert_sound(shop)


def test_more_than_there_is(store: Store, shop: Shop) -> None:
    """Back-order is a product's choice, and can't end while more is sold than there is."""
    product = store.product(stock_quantity=2, backorder=True)
    assert product["backorder"] is True
    order = store.order((product, 5))
    stock = store.get(f"products/{product['id']}/check_stock/")
    assert (stock["quantity"], stock["in_stock"]) == (-3, False)
    held(store, (product, 5))
    assert_sound(shop)
    url = f"{API}products/{product['id']}/"
    assert_error(store.client.patch(url, {"backorder": False}), 409, "backordered")
    body = {"set_to": 10, "expected_quantity": -3, "reason": "delivery counted"}
    store.post(f"products/{product['id']}/adjust_stock/", body, 200)
    assert store.patch(f"products/{product['id']}/", {"backorder": False})["backorder"] is False
    assert short_of(store, product, 6) == 5
    store.post(f"orders/{order['id']}/cancel/", None, 200)
    assert_sound(shop)
    variant = store.variant(product, stock_quantity=0, backorder=True)
    store.order((variant, 1))
    assert store.stock(variant) == -1
    assert_sound(shop)

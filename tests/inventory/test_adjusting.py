"""Changing stock by hand: by a difference or to a counted quantity, always with its ledger."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from noren.inventory.models import StockMovement
from noren.inventory.queries import find_differences
from noren.inventory.services import Change, Kind, StockMove, move_stock
from noren_kit.core.errors import Conflict
from noren_kit.testing.answers import assert_error, assert_time
from noren_kit.testing.shops import Shop
from store import API, Store


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


def adjust(store: Store, product: dict[str, Any], **body: Any) -> Any:
    return store.client.post(f"{API}products/{product['id']}/adjust_stock/", body)


def ledger(store: Store, product: dict[str, Any]) -> list[tuple[str, int, str]]:
    rows = store.get(f"products/{product['id']}/stock_movements/")["results"]
    return [(row["kind"], row["quantity"], row["reason"]) for row in rows]


def test_by_a_difference(store: Store, shop: Shop) -> None:
    product = store.product(stock_quantity=20)
    for delta, left, status in (
        (5, 25, "in_stock"),
        (-20, 5, "low_stock"),
        (-5, 0, "out_of_stock"),
    ):
        response = adjust(store, product, delta=delta, reason="counted")
        assert response.status_code == 200, response.json()
        assert response.json() == {
            "in_stock": left > 0,
            "quantity": left,
            "availability_status": status,
            "on_hand": left,
            "reserved": 0,
        }
    assert store.get(f"products/{product['id']}/")["stock_quantity"] == 0
    assert ledger(store, product) == [
        ("adjusted", -5, "counted"),
        ("adjusted", -20, "counted"),
        ("adjusted", 5, "counted"),
        ("received", 20, "opening stock"),
    ]
    with shop.entered():
        assert list(find_differences()) == []


def test_never_below_nothing(store: Store) -> None:
    product = store.product(stock_quantity=3)
    details = assert_error(adjust(store, product, delta=-4, reason="x"), 409, "insufficient_stock")
    assert details == {"items": [{"product_id": product["id"], "requested": 4, "available": 3}]}
    assert store.stock(product) == 3
    assert len(ledger(store, product)) == 1


def test_to_a_counted_quantity(store: Store) -> None:
    product = store.product(stock_quantity=20)
    response = adjust(store, product, set_to=7, expected_quantity=20, reason="stocktaking")
    assert response.json()["quantity"] == 7
    assert ledger(store, product)[0] == ("counted", -13, "stocktaking")
    again = adjust(store, product, set_to=0, expected_quantity=20, reason="stocktaking")
    assert assert_error(again, 409, "stock_changed") == {"expected": 20, "on_hand": 7}
    assert store.stock(product) == 7
    same = adjust(store, product, set_to=7, expected_quantity=7, reason="stocktaking")
    assert same.json()["quantity"] == 7
    assert len(ledger(store, product)) == 2, "nothing moved, nothing is written"


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, {"reason"}),
        ({"delta": 1}, {"reason"}),
        ({"delta": 1, "reason": ""}, {"reason"}),
        ({"delta": 1, "reason": "x" * 201}, {"reason"}),
        ({"reason": "x"}, {"non_field_errors"}),
        ({"delta": 1, "set_to": 1, "expected_quantity": 1, "reason": "x"}, {"non_field_errors"}),
        ({"set_to": 1, "reason": "x"}, {"expected_quantity"}),
        ({"delta": 1, "expected_quantity": 1, "reason": "x"}, {"expected_quantity"}),
        ({"set_to": -1, "expected_quantity": 1, "reason": "x"}, {"set_to"}),
        ({"delta": 10**9 + 1, "reason": "x"}, {"delta"}),
        ({"delta": 2**63, "reason": "x"}, {"delta"}),
        ({"delta": "1", "reason": "x"}, {"delta"}),
        ({"delta": 1.5, "reason": "x"}, {"delta"}),
        ({"delta": True, "reason": "x"}, {"delta"}),
        ({"delta": None, "reason": "x"}, {"delta"}),
        ({"delta": 1, "reason": "x", "quantity": 1}, {"quantity"}),
    ],
)
def test_malformed(store: Store, body: dict[str, Any], names: set[str]) -> None:
    product = store.product(stock_quantity=5)
    assert set(assert_error(adjust(store, product, **body), 400, "validation_error")) == names
    assert store.stock(product) == 5


def test_counters_reach_past_32_bits(store: Store) -> None:
    product = store.product(stock_quantity=10**9)
    for _time in range(3):
        assert adjust(store, product, delta=10**9, reason="x").status_code == 200
    assert store.stock(product) == 4 * 10**9


def test_who_may(store: Store, shop: Shop) -> None:
    product = store.product(stock_quantity=5)
    url = f"{API}products/{product['id']}/"
    body = {"delta": 1, "reason": "found"}
    viewer, staff = shop.client("viewer"), shop.client("staff")
    assert_error(viewer.post(f"{url}adjust_stock/", body), 403, "permission_denied")
    assert viewer.get(f"{url}check_stock/").json()["quantity"] == 5
    assert viewer.get(f"{url}stock_movements/").status_code == 200
    assert staff.post(f"{url}adjust_stock/", body).json()["quantity"] == 6


def test_the_ledger_says_who_when_and_by_which_request(store: Store, shop: Shop) -> None:
    product = store.product(stock_quantity=5)
    url = f"{API}products/{product['id']}/adjust_stock/"
    staff = shop.client("staff")
    staff.post(url, {"delta": 1, "reason": "found"}, headers={"X-Request-ID": "find-1"})
    row = store.get(f"products/{product['id']}/stock_movements/")["results"][0]
    person = shop.users["staff"]
    assert row["created_by"] == {"id": str(person.id), "name": person.display_name}
    assert row["cause_type"] == "adjustment"
    assert_time(row["created_at"])
    with shop.entered():
        assert StockMovement.objects.get(id=row["id"]).request_id == "find-1"


def test_a_deleted_product_has_no_stock_to_change(store: Store) -> None:
    product = store.product()
    store.client.delete(f"{API}products/{product['id']}/")
    for answer in (
        adjust(store, product, delta=1, reason="x"),
        store.client.get(f"{API}products/{product['id']}/check_stock/"),
        store.client.get(f"{API}products/{product['id']}/stock_movements/"),
    ):
        assert_error(answer, 404, "not_found")


def test_several_changes_of_one_item_count_together(store: Store, shop: Shop) -> None:
    """Two lines of one item that fit singly and not together are refused together."""
    from noren.catalog.models import Product

    product = store.product(stock_quantity=10)
    with shop.entered():
        item = Product.objects.get(id=product["id"]).stock_item_id
    changes = [Change(item, -6, label={"product_id": product["id"]}) for _ in range(2)]
    with pytest.raises(Conflict) as refused, shop.entered():
        move_stock(StockMove(changes, Kind.SOLD))
    assert refused.value.details == {
        "items": [{"product_id": product["id"], "requested": 12, "available": 10}]
    }
    assert store.stock(product) == 10
    with shop.entered():
        assert move_stock(StockMove(changes[:1], Kind.SOLD)) == {item: 4}
        assert move_stock(StockMove([], Kind.SOLD)) == {}
    with pytest.raises(Conflict), shop.entered():
        move_stock(StockMove([Change(uuid.uuid4(), 1)], Kind.RECEIVED))

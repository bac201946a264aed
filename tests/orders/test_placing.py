"""Placing orders: prices and names are copied, stock goes down, numbers have no gaps."""

from __future__ import annotations

import uuid
import zoneinfo
from typing import Any

import pytest
from django.utils import timezone

from noren.orders.models import Order
from noren.orders.queries import find_unexplained_lines
from noren_kit.outbox.models import Event
from noren_kit.testing.answers import assert_error, assert_time
from noren_kit.testing.shops import Shop, make_shop
from store import API, Store


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


def place(store: Store, body: Any) -> Any:
    return store.client.post(f"{API}orders/", body)


def test_the_whole_of_an_order(store: Store, shop: Shop) -> None:
    tea = store.product(name="Sencha", sku="S1", price="105", stock_quantity=20)
    cup = store.product(name="Cup", sku="C1", price="900", stock_quantity=5)
    customer = store.customer()
    staff = Store(shop, "staff")
    order = staff.order(
        (tea, 3),
        (cup, 1),
        customer=customer["id"],
        shipping_address="1-2-3\nKyoto",
        notes="Ring",
    )
    person = {"id": str(shop.users["staff"].id), "name": shop.users["staff"].display_name}
    assert_time(order["placed_at"])
    shown = {
        name: order[name]
        for name in order
        if name not in ("id", "placed_at", "created_at", "updated_at", "items")
    }
    assert shown == {
        "kind": "sale",
        "order_number": f"{order['placed_at'][:4]}-000001",
        "external_number": None,
        "customer": customer["id"],
        "customer_email": "sato@example.com",
        "customer_name": "Sato",
        "status": "placed",
        "payment_status": "unpaid",
        "item_count": 4,
        "subtotal_amount": "1215",
        "discount_amount": "0",
        "tax_amount": "121",
        "total_amount": "1336",
        "paid_amount": "0",
        "refunded_amount": "0",
        "returned_amount": "0",
        "currency": "JPY",
        "tax_breakdown": [
            {"rate": "10.00", "reduced": False, "net": "1215", "tax": "121", "gross": "1336"}
        ],
        "shipping_address": "1-2-3\nKyoto",
        "billing_address": "",
        "notes": "Ring",
        "created_by": person,
        "updated_by": person,
    }
    lines = [{name: line[name] for name in line if name != "id"} for line in order["items"]]
    assert lines == [
        {
            "product": {"id": tea["id"], "name": "Sencha", "price": "105", "sku": "S1"},
            "variant": None,
            "quantity": 3,
            "unit_price": "105",
            "tax_rate": "10.00",
            "subtotal": "315",
        },
        {
            "product": {"id": cup["id"], "name": "Cup", "price": "900", "sku": "C1"},
            "variant": None,
            "quantity": 1,
            "unit_price": "900",
            "tax_rate": "10.00",
            "subtotal": "900",
        },
    ]
    assert store.get(f"orders/{order['id']}/") == order
    assert (store.stock(tea), store.stock(cup)) == (17, 4)
    assert store.get(f"products/{tea['id']}/")["total_sales"] == 3


def test_the_ledger_and_the_event(store: Store, shop: Shop) -> None:
    product = store.product(stock_quantity=20)
    order = store.order((product, 3))
    row = store.get(f"products/{product['id']}/stock_movements/")["results"][0]
    assert (row["kind"], row["quantity"], row["cause_type"]) == ("sold", -3, "order_line")
    assert row["cause_id"] == order["items"][0]["id"]
    with shop.entered():
        assert list(find_unexplained_lines()) == []
        event = Event.objects.get(type="order.placed")
        assert (str(event.aggregate_id), event.sequence) == (order["id"], 1)


class TestSnapshots:
    def test_nothing_that_happens_later_changes_them(self, store: Store, shop: Shop) -> None:
        category = store.category(tax_rate="10")
        product = store.product(category=category["id"], price="100")
        customer = store.customer()
        order = store.order((product, 2), customer=customer["id"])
        url = f"products/{product['id']}/"
        store.patch(url, {"name": "New", "sku": "NEW", "price": "200", "status": "archived"})
        store.patch(f"categories/{category['id']}/", {"tax_rate": "8"})
        store.patch(f"customers/{customer['id']}/", {"name": "New", "email": "new@example.com"})
        assert store.get(f"orders/{order['id']}/") == order
        assert store.client.delete(f"{API}{url}").status_code == 204
        assert store.get(f"orders/{order['id']}/") == order

    def test_a_customer_with_orders_stays(self, store: Store) -> None:
        order = store.order((store.product(), 1))
        response = store.client.delete(f"{API}customers/{order['customer']}/")
        assert assert_error(response, 409, "in_use") == {"used_by": ["order"]}


class TestShortOfStock:
    def test_every_short_product_is_named_and_nothing_written(
        self, store: Store, shop: Shop
    ) -> None:
        short, enough, gone = (store.product(stock_quantity=units) for units in (3, 50, 0))
        body = store.order_body((short, 2), (enough, 1), (gone, 1), (short, 2))
        details = assert_error(place(store, body), 409, "insufficient_stock")
        assert sorted(details["items"], key=lambda item: item["requested"]) == [
            {"product_id": gone["id"], "requested": 1, "available": 0},
            {"product_id": short["id"], "requested": 4, "available": 3},
        ]
        assert [store.stock(each) for each in (short, enough, gone)] == [3, 50, 0]
        assert store.get("orders/")["count"] == 0
        assert store.get(f"products/{enough['id']}/")["total_sales"] == 0
        with shop.entered():
            assert Event.objects.count() == 0
        assert store.order((enough, 1))["order_number"].endswith("-000001"), "no gap"

    def test_the_same_product_on_two_lines(self, store: Store) -> None:
        product = store.product(stock_quantity=10)
        order = store.order((product, 4), (product, 6))
        assert [line["quantity"] for line in order["items"]] == [4, 6]
        assert order["item_count"] == 10
        assert store.stock(product) == 0
        rows = store.get(f"products/{product['id']}/stock_movements/")["results"]
        assert sorted(row["quantity"] for row in rows) == [-6, -4, 10]
        assert store.get(f"products/{product['id']}/")["total_sales"] == 10


class TestLines:
    def test_what_is_not_on_sale_is_named_on_its_line(self, store: Store, neighbour: Shop) -> None:
        good = store.product()
        draft, archived = store.product(status="draft"), store.product(status="archived")
        deleted = store.product()
        store.client.delete(f"{API}products/{deleted['id']}/")
        foreign = Store(neighbour).product()
        unknown = {"id": str(uuid.uuid4())}
        body = store.order_body(
            (good, 1), (draft, 1), (archived, 1), (deleted, 1), (foreign, 1), (unknown, 1)
        )
        details = assert_error(place(store, body), 400, "validation_error")
        codes = {
            at: [fault["code"] for fault in faults["product_id"]]
            for at, faults in details["items"].items()
        }
        assert codes == {
            "1": ["not_on_sale"],
            "2": ["not_on_sale"],
            "3": ["does_not_exist"],
            "4": ["does_not_exist"],
            "5": ["does_not_exist"],
        }
        assert store.stock(good) == 100

    @pytest.mark.parametrize("quantity", [0, -1, 1.5, "1", None, True, 10**9 + 1, 2**63, [], {}])
    def test_quantities(self, store: Store, quantity: Any) -> None:
        product = store.product()
        body = store.order_body((product, 1), (product, 1))
        body["items"][1]["quantity"] = quantity
        details = assert_error(place(store, body), 400, "validation_error")
        assert set(details) == {"items"}
        assert set(details["items"]) == {"1"}
        assert set(details["items"]["1"]) == {"quantity"}

    def test_malformed_lists_of_lines(self, store: Store) -> None:
        product = store.product()
        line = {"product_id": product["id"], "quantity": 1}
        customer = store.customer()["id"]
        for items in ([], {}, None, "x", [[]], ["x"], [None], [line] * 1_001):
            body = {"customer": customer, "items": items}
            assert set(assert_error(place(store, body), 400)) == {"items"}, items
        for extra in ("unit_price", "tax_rate", "status", "name"):
            body = {"customer": customer, "items": [{**line, extra: "1"}]}
            details = assert_error(place(store, body), 400)
            assert set(details["items"]["0"]) == {extra}
        assert store.stock(product) == 100

    def test_all_faults_at_once(self, store: Store) -> None:
        body = {"items": [{"quantity": 0}, {"product_id": "x"}], "discount": "-1", "colour": 1}
        details = assert_error(place(store, body), 400)
        assert set(details) == {"customer", "items", "discount", "colour"}
        assert set(details["items"]) == {"0", "1"}
        assert set(details["items"]["0"]) == {"quantity", "product_id"}


class TestNumbers:
    def test_they_count_per_tenant_without_gaps(self, store: Store, neighbour: Shop) -> None:
        product = store.product()
        other = Store(neighbour)
        foreign = other.product()
        numbers = []
        for _round in range(3):
            numbers.append(store.order((product, 1))["order_number"])
            assert_error(place(store, store.order_body((product, 1_000))), 409)
            assert_error(place(store, store.order_body((product, 1), discount="1000")), 400)
        assert [number[5:] for number in numbers] == ["000001", "000002", "000003"]
        assert other.order((foreign, 1))["order_number"][5:] == "000001"

    def test_the_year_is_the_tenants(self) -> None:
        """Midnight comes earlier in Tokyo: the number follows the tenant's calendar."""
        for zone in ("Asia/Tokyo", "America/Los_Angeles", "UTC"):
            store = Store(make_shop(time_zone=zone))
            order = store.order((store.product(), 1))
            local = timezone.localtime(timezone.now(), zoneinfo.ZoneInfo(zone))
            assert order["order_number"].startswith(f"{local.year}-")

    def test_imported_orders_stand_outside(self, store: Store, shop: Shop) -> None:
        store.order((store.product(), 1))
        with shop.entered():
            assert set(Order.objects.values_list("external_number", flat=True)) == {None}


def test_who_may(store: Store, shop: Shop) -> None:
    body = store.order_body((store.product(), 1))
    viewer = shop.client("viewer")
    assert_error(viewer.post(f"{API}orders/", body), 403, "permission_denied")
    order = store.order((store.product(), 1))
    assert_error(viewer.post(f"{API}orders/{order['id']}/cancel/"), 403, "permission_denied")
    assert viewer.get(f"{API}orders/{order['id']}/").status_code == 200

"""Orders of variants: what is copied, whose stock is taken, and that all adds up."""

from __future__ import annotations

import random
import threading
import time
import uuid
from typing import Any

import pytest
from django.db import connection, connections

from noren.catalog.models import Product, Variant
from noren.inventory.errors import InsufficientStock
from noren.inventory.models import StockItem
from noren.inventory.queries import find_differences
from noren.orders.models import Customer, Order
from noren.orders.queries import find_unexplained_lines
from noren.orders.services import NewLine, cancel_order, place_order
from noren_kit.testing.answers import assert_error
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.races import race
from noren_kit.testing.shops import Shop
from store import API, Store


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


def assert_sound(shop: Shop) -> None:
    with shop.entered():
        assert list(find_differences()) == list(find_unexplained_lines()) == []


def test_what_is_copied(store: Store, shop: Shop) -> None:
    category = store.category(tax_rate="8")["id"]
    tea = store.product(name="Sencha", sku="SEN", price="1000", category=category)
    small = store.variant(tea, name="50 g", sku="SEN-50", price="600", stock_quantity=10)
    large = store.variant(tea, name="200 g", sku="SEN-200", stock_quantity=10)
    order = store.order((small, 2), (large, 1), (tea, 1), (small, 1))
    lines = [{name: line[name] for name in line if name != "id"} for line in order["items"]]
    assert lines[0] == {
        "product": {"id": tea["id"], "name": "Sencha", "price": "600", "sku": "SEN"},
        "variant": {"id": small["id"], "name": "50 g", "sku": "SEN-50"},
        "quantity": 2,
        "unit_price": "600",
        "tax_rate": "8.00",
        "subtotal": "1200",
    }
    assert lines[1]["unit_price"] == "1000", "the product's, for it has none of its own"
    assert lines[2]["variant"] is None
    assert (order["item_count"], order["subtotal_amount"], order["tax_amount"]) == (
        5,
        "3800",
        "304",
    )
    assert (store.stock(small), store.stock(large), store.stock(tea)) == (7, 9, 99)
    assert store.get(f"products/{tea['id']}/")["total_sales"] == 5
    store.patch(small["path"], {"name": "x", "sku": "x", "price": "900"})
    store.client.delete(API + large["path"])
    assert store.get(f"orders/{order['id']}/") == order
    assert_sound(shop)


def test_cancelling_gives_back(store: Store, shop: Shop) -> None:
    tea = store.product(stock_quantity=10)
    small = store.variant(tea, stock_quantity=10)
    order = store.order((small, 3), (tea, 2), (small, 1))
    store.client.delete(API + small["path"])
    store.post(f"orders/{order['id']}/cancel/", None, 200)
    assert_error(store.client.post(f"{API}orders/{order['id']}/cancel/"), 409)
    assert store.stock(tea) == 10
    assert store.get(f"products/{tea['id']}/")["total_sales"] == 0
    with shop.entered():
        assert Variant.every.get(id=small["id"]).stock_item.on_hand == 10
    assert_sound(shop)


def test_short_of_stock_names_the_variant(store: Store, shop: Shop) -> None:
    tea = store.product(stock_quantity=1)
    small, large = (store.variant(tea, stock_quantity=5) for _ in range(2))
    body = store.order_body((small, 3), (large, 5), (small, 3), (tea, 2))
    details = assert_error(store.client.post(f"{API}orders/", body), 409, "insufficient_stock")
    named = {"product_id": tea["id"], "variant_id": small["id"], "requested": 6, "available": 5}
    assert details["items"] == [named, {"product_id": tea["id"], "requested": 2, "available": 1}]
    assert [store.stock(each) for each in (small, large, tea)] == [5, 5, 1]
    assert store.get("orders/")["count"] == 0
    assert_sound(shop)


def test_what_is_not_on_sale(store: Store, neighbour: Shop) -> None:
    there = Store(neighbour)
    foreign = there.variant(there.product())
    tea, draft, gone = store.product(), store.product(status="draft"), store.product()
    inactive = store.variant(tea, is_active=False)
    deleted, orphan = store.variant(tea), store.variant(gone)
    store.client.delete(API + deleted["path"])
    store.client.delete(f"{API}products/{gone['id']}/")
    unknown = {"id": str(uuid.uuid4()), "path": ""}
    product_as_variant = {**tea, "path": ""}
    lines = [inactive, store.variant(draft), deleted, orphan, foreign, unknown, product_as_variant]
    lines.append({"id": store.variant(tea)["id"]})
    body = store.order_body(*((each, 1) for each in lines))
    details = assert_error(store.client.post(f"{API}orders/", body), 400)["items"]
    codes = ["not_on_sale"] * 2 + ["does_not_exist"] * 6
    found = {
        at: {name: [fault["code"] for fault in faults] for name, faults in each.items()}
        for at, each in details.items()
    }
    names = ["variant_id"] * 7 + ["product_id"]
    assert found == {
        str(at): {name: [code]} for at, (name, code) in enumerate(zip(names, codes, strict=True))
    }


def test_one_of_the_two_ids(store: Store) -> None:
    tea = store.product()
    variant = store.variant(tea)
    both = {"product_id": tea["id"], "variant_id": variant["id"], "quantity": 1}
    customer = store.customer()["id"]
    for line, name in ((both, "variant_id"), ({"quantity": 1}, "product_id")):
        body = {"customer": customer, "items": [line]}
        details = assert_error(store.client.post(f"{API}orders/", body), 400)
        assert [fault["code"] for fault in details["items"]["0"][name]] == ["one_of"]
    null = {"product_id": None, "variant_id": variant["id"], "quantity": 1}
    body = {"customer": customer, "items": [null]}
    assert_error(store.client.post(f"{API}orders/", body), 400)


def test_the_number_of_statements(store: Store) -> None:
    """As many for variants, or for both at once, as for products alone."""
    tea = store.product()
    variants = [store.variant(tea) for _ in range(5)]
    counts = []
    for articles in ([tea], variants[:1], variants, [tea, *variants]):
        body = store.order_body(*((each, 1) for each in articles))
        with recorded_statements() as statements:
            order = store.post("orders/", body)
        with recorded_statements() as cancelling:
            store.post(f"orders/{order['id']}/cancel/", None, 200)
        counts.append((len(statements), len(cancelling)))
    assert set(counts) == {(5, 8)}, counts


def test_orders_and_cancellations_that_cross(store: Store, shop: Shop) -> None:
    """Of the same products by themselves and by different variants: none waits for ever."""
    products = [store.product(stock_quantity=500) for _ in range(4)]
    articles: list[dict[str, Any]] = [*products]
    for product in products:
        articles += [store.variant(product, stock_quantity=500) for _ in range(2)]
    with shop.entered():
        customer = Customer.objects.get(id=store.customer()["id"])
    seeds, lock = iter(range(1_000)), threading.Lock()

    def trade() -> None:
        with lock:
            chance = random.Random(next(seeds))
        lines = [_line(each) for each in chance.sample(articles, 8)]
        order = place_order(customer=customer, lines=lines)
        if chance.random() < 0.5:
            cancel_order(order.id)

    for _round in range(6):
        assert race(16, shop.entered, trade) == [None] * 16
    assert_sound(shop)
    _assert_sales(store, shop, products)


def test_sales_of_a_variant_lock_the_products_own_stock_too(store: Store, shop: Shop) -> None:
    """So that they and sales of the product count `total_sales` one after the other."""
    tea = store.product()
    variant = store.variant(tea)
    body, answers = store.order_body((variant, 1)), []

    def order() -> None:
        answers.append(store.client.post(f"{API}orders/", body))
        connections.close_all()

    waiting = threading.Thread(target=order)
    with shop.entered():
        item = Product.objects.get(id=tea["id"]).stock_item_id
        StockItem.objects.select_for_update(no_key=True).get(id=item)
        waiting.start()
        _wait_until_blocked()
    waiting.join()
    assert answers[0].status_code == 201
    url = f"{API}orders/{answers[0].json()['id']}/cancel/"

    def cancel() -> None:
        answers.append(store.client.post(url))
        connections.close_all()

    waiting = threading.Thread(target=cancel)
    with shop.entered():
        StockItem.objects.select_for_update(no_key=True).get(id=item)
        waiting.start()
        _wait_until_blocked()
    waiting.join()
    assert answers[1].status_code == 200


def _wait_until_blocked() -> None:
    """Until somebody waits for a lock that this transaction holds."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_locks"
                " WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise TimeoutError("nobody came to wait")


def test_the_last_units(store: Store, shop: Shop) -> None:
    variant = store.variant(store.product(), stock_quantity=5)
    with shop.entered():
        customer = Customer.objects.get(id=store.customer()["id"])
    ended = race(16, shop.entered, lambda: place_order(customer=customer, lines=[_line(variant)]))
    assert sum(isinstance(each, Order) for each in ended) == 5, ended
    assert sum(isinstance(each, InsufficientStock) for each in ended) == 11, ended
    assert store.stock(variant) == 0
    assert_sound(shop)


def _line(article: dict[str, Any]) -> NewLine:
    identifier = uuid.UUID(article["id"])
    if "path" in article:
        return NewLine(None, 1, identifier)
    return NewLine(identifier, 1)


def _assert_sales(store: Store, shop: Shop, products: list[dict[str, Any]]) -> None:
    """`total_sales` are the lines of all orders that stand, variants included."""
    with shop.entered():
        sold = dict.fromkeys((product["id"] for product in products), 0)
        for order in Order.objects.exclude(status="cancelled").prefetch_related("lines"):
            for line in order.lines.all():
                sold[str(line.product_id)] += line.quantity
    for product in products:
        assert store.get(f"products/{product['id']}/")["total_sales"] == sold[product["id"]]

"""Many clients at once on a served API: what was there is sold, once, and nothing breaks."""

from __future__ import annotations

import io
import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.core.management import call_command

from noren.catalog.models import Category, Product
from noren.catalog.services import create_product
from noren.inventory.queries import find_differences
from noren.orders.models import Customer, Order
from noren.orders.queries import find_unexplained_lines
from noren_kit.testing.live import Caller
from noren_kit.testing.shops import Shop

CLIENTS = 64
PRODUCTS, UNITS = 20, 500 if "NOREN_SOAK" in os.environ else 200
# Units of one line at most: about 160 orders take all there is, 400 in `make soak`.
MOST_UNITS = 25


@contextmanager
def callers(base_url: str, shop: Shop, count: int) -> Iterator[list[Caller]]:
    token = shop.token("staff")
    made = [Caller(base_url, token) for _ in range(count)]
    yield made
    for caller in made:
        caller.close()


def all_at_once(work: Callable[[Caller, int], Any], made: list[Caller]) -> list[Any]:
    """Run `work` for every caller in a thread of its own, from one common start."""
    start = threading.Barrier(len(made))

    def run(caller: Caller, number: int) -> Any:
        start.wait()
        return work(caller, number)

    with ThreadPoolExecutor(len(made)) as pool:
        return list(pool.map(run, made, range(len(made))))


def deadlocks() -> int:
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as connection:
        query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def stocked(shop: Shop) -> tuple[Shop, str, list[str]]:
    """A shop with a customer and 20 products in stock."""
    with shop.entered():
        category = Category.objects.create(name="Tea", tax_rate=Decimal(8))
        customer = Customer.objects.create(name="Sato")
        products = [
            create_product(
                values={
                    "name": f"Tea {number}",
                    "sku": f"T{number}",
                    "price": Decimal(100),
                    "status": Product.Status.ACTIVE,
                    "category": category,
                    "stock_quantity": UNITS,
                }
            )
            for number in range(PRODUCTS)
        ]
    return shop, str(customer.id), [str(product.id) for product in products]


class Buyer:
    """Orders until nothing is left, in any order of lines, learning from refusals."""

    def __init__(self, customer: str, products: list[str], seed: int) -> None:
        self.customer, self.random = customer, random.Random(seed)
        self.most = dict.fromkeys(products, MOST_UNITS)
        self.sold: Counter[str] = Counter()
        self.answers: Counter[int] = Counter()

    def buy_all(self, caller: Caller) -> Buyer:
        while self.most:
            lines = self.random.sample(sorted(self.most), min(len(self.most), self._lines()))
            items = [
                {"product_id": each, "quantity": self.random.randint(1, self.most[each])}
                for each in lines
            ]
            body = {"customer": self.customer, "items": items}
            status, answer = caller.post("/api/v1/orders/", body)
            self.answers[status] += 1
            if status == 201:
                self.sold.update({item["product_id"]: item["quantity"] for item in items})
            else:
                assert status == 409, answer
                self._learn(items, answer)
        return self

    def _lines(self) -> int:
        return self.random.randint(1, 3)

    def _learn(self, items: list[dict[str, Any]], answer: dict[str, Any]) -> None:
        assert answer["code"] == "insufficient_stock", answer
        asked = {item["product_id"]: item["quantity"] for item in items}
        short = answer["details"]["items"]
        assert short, answer
        for item in short:
            assert item["requested"] == asked[item["product_id"]]
            assert 0 <= item["available"] < item["requested"], "a refusal without need"
            if item["available"]:
                self.most[item["product_id"]] = item["available"]
            else:
                del self.most[item["product_id"]]


def test_everything_is_sold_once(four_processes: str, stocked: tuple[Shop, str, list[str]]) -> None:
    shop, customer, products = stocked
    before = deadlocks()
    with callers(four_processes, shop, CLIENTS) as made:
        buyers = all_at_once(
            lambda caller, number: Buyer(customer, products, number).buy_all(caller), made
        )
    sold = sum((buyer.sold for buyer in buyers), Counter())
    answers = sum((buyer.answers for buyer in buyers), Counter())
    assert set(answers) == {201, 409}, answers
    assert sold == dict.fromkeys(products, UNITS)
    assert deadlocks() == before
    with shop.entered():
        assert list(find_differences()) == []
        assert list(find_unexplained_lines()) == []
        assert Order.objects.count() == answers[201]
        numbers = sorted(Order.objects.values_list("order_number", flat=True))
        assert [int(number[5:]) for number in numbers] == list(range(1, answers[201] + 1))
        totals = Product.objects.values_list("stock_item__on_hand", "stock_item__sold")
        assert set(totals) == {(0, UNITS)}
    call_command("verify", "stock", stdout=io.StringIO())


def test_one_order_cancelled_by_many(
    four_processes: str, stocked: tuple[Shop, str, list[str]]
) -> None:
    """Each attempt but one is refused, and the stock comes back once."""
    shop, customer, products = stocked
    body = {
        "customer": customer,
        "items": [{"product_id": each, "quantity": 5} for each in products[:3]],
    }
    with callers(four_processes, shop, 16) as made:
        status, order = made[0].post("/api/v1/orders/", body)
        assert status == 201, order
        path = f"/api/v1/orders/{order['id']}/cancel/"
        answers = all_at_once(lambda caller, _number: caller.post(path), made)
    assert sorted(status for status, _body in answers) == [200] + [409] * 15
    assert {answer["code"] for status, answer in answers if status == 409} == {"invalid_transition"}
    with shop.entered():
        assert set(Product.objects.values_list("stock_item__on_hand", "stock_item__sold")) == {
            (UNITS, 0)
        }
        assert list(find_differences()) == []
        assert list(find_unexplained_lines()) == []


def test_orders_and_cancellations_cross(
    four_processes: str, stocked: tuple[Shop, str, list[str]]
) -> None:
    """Lines in opposite orders, taken and given back at once: nobody waits for ever."""
    shop, customer, products = stocked
    before = deadlocks()

    def work(caller: Caller, number: int) -> Counter[int]:
        chosen = products if number % 2 else products[::-1]
        items = [{"product_id": each, "quantity": 1} for each in chosen]
        seen: Counter[int] = Counter()
        for _round in range(4):
            status, order = caller.post("/api/v1/orders/", {"customer": customer, "items": items})
            seen[status] += 1
            cancelled, _body = caller.post(f"/api/v1/orders/{order['id']}/cancel/")
            seen[cancelled] += 1
        return seen

    with callers(four_processes, shop, 16) as made:
        seen = sum(all_at_once(work, made), Counter())
    assert seen == {201: 64, 200: 64}
    assert deadlocks() == before
    with shop.entered():
        assert set(Product.objects.values_list("stock_item__on_hand", "stock_item__sold")) == {
            (UNITS, 0)
        }
        assert list(find_differences()) == []


def test_the_same_sku_made_by_many(
    four_processes: str, stocked: tuple[Shop, str, list[str]]
) -> None:
    shop, _customer, _products = stocked
    with callers(four_processes, shop, 16) as made:
        answers = all_at_once(
            lambda caller, _number: caller.post(
                "/api/v1/suppliers/", {"code": "acme", "name": "Acme"}
            ),
            made,
        )
    assert sorted(status for status, _body in answers) == [201] + [409] * 15


def test_counts_that_differ_are_found(stocked: tuple[Shop, str, list[str]], owner: Any) -> None:
    shop, _customer, products = stocked
    with shop.entered():
        item = Product.objects.get(id=products[0]).stock_item_id
    with owner.connection.transaction():
        owner.connection.execute(
            "SELECT set_config('app.tenant_id', %s, true)", [str(shop.tenant.id)]
        )
        owner.connection.execute(
            "UPDATE inventory_stockitem SET on_hand = on_hand + 1 WHERE id = %s", [item]
        )
    with shop.entered():
        assert list(find_differences()) == [
            {
                "stock_item_id": str(item),
                "on_hand": UNITS + 1,
                "reserved": 0,
                "ledger": UNITS,
                "ledger_reserved": 0,
                "held": 0,
            }
        ]
    output = io.StringIO()
    with pytest.raises(SystemExit) as stopped:
        call_command("verify", "stock", stdout=output)
    assert stopped.value.code == 1
    assert str(item) in output.getvalue()

"""Two at once who can't both have their way, over real web processes: one of them wins.

30 rounds each in `make test`; 1,000 and 500 in `make soak`.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from noren.catalog.models import Category, Product
from noren.catalog.services import create_product
from noren.inventory.queries import find_differences
from noren.orders.models import Customer, Order
from noren.orders.queries import find_unexplained_lines
from noren_kit.testing.live import Caller
from noren_kit.testing.shops import Shop

SOAK = "NOREN_SOAK" in os.environ
BUYING, ENDING = (1_000, 500) if SOAK else (30, 30)
ORDERS = "/api/v1/orders/"


class Duel:
    """Two clients with a connection of their own each, who act at one moment."""

    def __init__(self, base_url: str, token: str) -> None:
        self.callers = [Caller(base_url, token) for _ in range(2)]
        self.pool = ThreadPoolExecutor(2)

    def fight(self, *acts: Callable[[Caller], Any]) -> list[Any]:
        start = threading.Barrier(2)

        def run(at: int) -> Any:
            start.wait()
            return acts[at](self.callers[at])

        return list(self.pool.map(run, range(2)))

    def close(self) -> None:
        self.pool.shutdown()
        for caller in self.callers:
            caller.close()


@pytest.fixture
def duel(four_processes: str, shop: Shop) -> Iterator[Duel]:
    made = Duel(four_processes, shop.token("staff"))
    yield made
    made.close()


def stock_up(shop: Shop, products: int, units: int) -> tuple[str, list[str]]:
    with shop.entered():
        category = Category.objects.create(name="Tea", tax_rate=Decimal(8))
        customer = Customer.objects.create(name="Sato")
        made = [
            create_product(
                values={
                    "name": "Tea",
                    "sku": f"T{number}",
                    "price": Decimal(100),
                    "status": Product.Status.ACTIVE,
                    "category": category,
                    "stock_quantity": units,
                }
            )
            for number in range(products)
        ]
    return str(customer.id), [str(product.id) for product in made]


def posts(path: str, content: Any = None) -> Callable[[Caller], Any]:
    return lambda caller: caller.post(path, content)


def body(customer: str, product: str) -> dict[str, Any]:
    return {"customer": customer, "items": [{"product_id": product, "quantity": 1}]}


def assert_sound(shop: Shop) -> None:
    with shop.entered():
        assert list(find_differences()) == list(find_unexplained_lines()) == []


def test_two_buyers_and_one_last_unit(duel: Duel, shop: Shop) -> None:
    customer, products = stock_up(shop, BUYING, 1)
    for product in products:
        answers = duel.fight(*[posts(ORDERS, body(customer, product))] * 2)
        assert sorted(status for status, _answer in answers) == [201, 409], answers
        [refusal] = [answer for status, answer in answers if status == 409]
        assert refusal["code"] == "insufficient_stock"
        assert refusal["details"]["items"][0]["available"] == 0
    assert_sound(shop)
    with shop.entered():
        assert Order.objects.count() == BUYING


def test_cancelling_against_shipping(duel: Duel, shop: Shop) -> None:
    """Whoever loses is told the state that the other brought about."""
    customer, [product] = stock_up(shop, 1, ENDING)
    won: Counter[str] = Counter()
    for round_ in range(ENDING):
        status, order = duel.callers[0].post(ORDERS, body(customer, product))
        assert status == 201, order
        url = f"{ORDERS}{order['id']}/"
        assert duel.callers[0].post(f"{url}confirm/")[0] == 200
        acts = [posts(f"{url}cancel/"), posts(f"{url}ship/")]
        # The one that is sent first by a hair takes turns.
        answers = duel.fight(*(acts if round_ % 2 else reversed(acts)))
        assert sorted(status for status, _answer in answers) == [200, 409], answers
        [winner] = [answer for status, answer in answers if status == 200]
        [loser] = [answer for status, answer in answers if status == 409]
        assert loser["code"] == "invalid_transition"
        assert loser["details"]["status"] == winner["status"]
        won[winner["status"]] += 1
    assert set(won) <= {"cancelled", "shipped"}
    assert_sound(shop)
    with shop.entered():
        item = Product.objects.get(id=product).stock_item
        assert item.on_hand == ENDING - won["shipped"]

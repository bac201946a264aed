"""One effect for each key, however many callers send it and whatever is killed meanwhile.

Over a served API: 1,000 keys by 8 callers at once with at least 200 killed back ends in
`make soak`, a few of each in the suite.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from retrying_callers import Given, Killer, RetryingCaller, killing

from noren.catalog.models import Category, Product
from noren.catalog.services import create_product
from noren.inventory.queries import find_differences
from noren.orders.models import Customer, Order
from noren_kit.idempotency.models import KeptAnswer
from noren_kit.testing.live import live_server
from noren_kit.testing.shops import Shop

SOAK = "NOREN_SOAK" in os.environ
KEYS, LEAST_KILLS = (1_000, 200) if SOAK else (40, 12)
# One back end is to be killed for so many keys.
KEYS_FOR_A_KILL = 3
CALLERS, PRODUCTS, UNITS = 8, 4, 100_000
ORDERS = "/api/v1/orders/"


@pytest.fixture
def bodies(shop: Shop) -> list[dict[str, Any]]:
    """An order for each key, all different, of 1 to 3 lines and 1 to 3 units each."""
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
    return [
        {
            "customer": str(customer.id),
            "notes": f"order {number}",
            "items": [
                {"product_id": str(products[(number + line) % PRODUCTS].id), "quantity": line + 1}
                for line in range(1 + number % 3)
            ],
        }
        for number in range(KEYS)
    ]


def complete_all(
    callers: list[RetryingCaller], bodies: list[dict[str, Any]], killer: Killer
) -> list[list[Given]]:
    """What each caller was answered for each key: all ask for the same one at once."""
    rounds = itertools.count(1)

    def aim() -> None:
        if next(rounds) % KEYS_FOR_A_KILL == 0:
            killer.aim()

    start = threading.Barrier(len(callers), aim, timeout=120)

    def run(caller: RetryingCaller) -> list[Given]:
        given = []
        for number, body in enumerate(bodies):
            start.wait()
            given.append(caller.complete(ORDERS, body, f"order-{number}"))
        return given

    with ThreadPoolExecutor(len(callers)) as pool:
        return list(pool.map(run, callers))


def test_one_effect_for_each_key(shop: Shop, bodies: list[dict[str, Any]]) -> None:
    with live_server(workers=4) as base_url:
        authorization = f"Bearer {shop.token('staff')}"
        callers = [RetryingCaller(base_url, authorization) for _number in range(CALLERS)]
        with killing() as killer:
            given = complete_all(callers, bodies, killer)
        seen = sum((caller.seen for caller in callers), Counter())
        print(f"{KEYS} keys, {CALLERS} callers, {killer.kills} kills: {dict(seen)}")
        for caller in callers:
            assert caller.broken() == {}
            caller.close()
    assert killer.kills >= LEAST_KILLS, seen
    for number, answers in enumerate(zip(*given, strict=True)):
        assert {each.status for each in answers} == {201}, number
        assert len({(each.body, each.location, each.tag) for each in answers}) == 1, number
        # The first is not a replay, unless its answer was lost after its commit.
        assert sum(not each.replayed for each in answers) <= 1, number
    with shop.entered():
        assert sorted(Order.objects.values_list("notes", flat=True)) == sorted(
            body["notes"] for body in bodies
        )
        numbers = sorted(Order.objects.values_list("order_number", flat=True))
        assert [int(number[5:]) for number in numbers] == list(range(1, KEYS + 1))
        assert KeptAnswer.objects.count() == KEYS
        assert list(find_differences()) == []
        sold = sum(item["quantity"] for body in bodies for item in body["items"])
        held = sum(Product.objects.values_list("stock_item__on_hand", flat=True))
        assert held == PRODUCTS * UNITS - sold

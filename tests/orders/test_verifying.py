"""`noren verify stock` names what does not add up, and nothing else."""

from __future__ import annotations

import io
import json
import os

import psycopg
import pytest
from django.core.management import call_command
from tests.store import Store

from noren_kit.testing.shops import Shop


def verify() -> tuple[int, list[dict]]:
    """The exit status, and the faults found."""
    output = io.StringIO()
    try:
        call_command("verify", "stock", json=True, stdout=output)
    except SystemExit as end:
        return int(end.code or 0), [json.loads(line) for line in output.getvalue().splitlines()]
    return 0, [json.loads(line) for line in output.getvalue().splitlines()]


@pytest.fixture
def platform():
    """A role that sees all tenants, to plant what the application can't."""
    with psycopg.connect(os.environ["DATABASE_PLATFORM_URL"], autocommit=True) as connection:
        yield connection


def placed(shop: Shop) -> dict:
    store = Store(shop)
    product = store.product(stock_quantity=20)
    return store.order((product, 3))


def test_what_is_in_order(shop: Shop):
    placed(shop)
    assert verify() == (0, [])


def test_a_counter_that_was_changed_by_hand(shop: Shop, neighbour: Shop, platform):
    placed(neighbour)
    placed(shop)
    platform.execute(
        "UPDATE inventory_stockitem SET on_hand = on_hand + 1 WHERE tenant_id = %s",
        [shop.tenant.id],
    )
    status, faults = verify()
    assert status == 1
    assert [(each["tenant"], each["on_hand"], each["ledger"]) for each in faults] == [
        ("hanabi", 18, 17)
    ]


def test_a_line_that_lost_its_movement(shop: Shop, platform):
    order = placed(shop)
    platform.execute("DELETE FROM inventory_stockmovement WHERE kind = 'sold'")
    platform.execute("UPDATE inventory_stockitem SET on_hand = 20")
    status, faults = verify()
    assert status == 1
    assert [
        (each["order_number"], each["should_have_moved"], each["moved"]) for each in faults
    ] == [(order["order_number"], -3, 0)]


def test_an_order_cancelled_behind_the_ledgers_back(shop: Shop, platform):
    placed(shop)
    platform.execute("UPDATE orders_order SET status = 'cancelled'")
    status, faults = verify()
    assert status == 1
    assert [(each["should_have_moved"], each["moved"]) for each in faults] == [(0, -3)]

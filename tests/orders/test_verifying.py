"""`noren verify` names what does not add up, and nothing else."""

from __future__ import annotations

import io
import json
import os

import psycopg
import pytest
from django.core.management import call_command
from tests.store import Store

from noren_kit.testing.shops import Shop


def verify(subject: str = "stock") -> tuple[int, list[dict]]:
    """The exit status, and the faults found."""
    output = io.StringIO()
    try:
        call_command("verify", subject, json=True, stdout=output)
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


def lived(store: Store) -> dict:
    """An order of two rates that was paid, delivered and returned in part."""
    reduced = store.category(tax_rate="8")["id"]
    first, second = store.product(price="105"), store.product(price="33", category=reduced)
    order = store.order((first, 3), (second, 2), discount="7")
    for action in ("confirm", "ship"):
        store.post(f"orders/{order['id']}/{action}/", None, 200)
    store.post(f"orders/{order['id']}/pay/", {"amount": "100", "reference": "x"}, 200)
    items = [{"item_id": order["items"][0]["id"], "quantity": 1}]
    body = {"items": items, "restock": True, "reason": "x"}
    store.post(f"orders/{order['id']}/return/", body, 200)
    store.post(f"orders/{order['id']}/refund/", {"amount": "50", "reason": "x"}, 200)
    return order


FAULTS = {
    "UPDATE orders_order SET item_count = item_count + 1": ("totals", "an order's sums"),
    "UPDATE orders_order SET tax_amount = tax_amount + 1000, total_amount = total_amount + 1000": (
        "totals",
        "an order's sums",
    ),
    "DELETE FROM orders_ordertax WHERE reduced": ("totals", "an order's sums"),
    "UPDATE orders_ordertax SET rate = 9 WHERE reduced": ("totals", "each rate"),
    "UPDATE orders_order SET paid_amount = paid_amount + 1000": ("totals", "paid and refunded"),
    "UPDATE orders_payment SET amount = 1000 WHERE kind = 'refund'": (
        "totals",
        "paid and refunded",
    ),
    "UPDATE orders_order SET returned_amount = 0": ("totals", "returned is"),
    "DELETE FROM orders_returntax": ("totals", "returned is"),
    "UPDATE orders_returnline SET quantity = 4": ("totals", "no more came back"),
    "UPDATE orders_order SET order_number = replace(order_number, '000002', '000003')": (
        "numbers",
        "a year's numbers",
    ),
    "UPDATE orders_ordernumber SET last = last + 1": ("numbers", "a year's numbers"),
    "UPDATE orders_order SET order_number = '7' WHERE order_number LIKE '%000001'": (
        "numbers",
        "a year's numbers",
    ),
    "DELETE FROM orders_ordernumber": ("numbers", "a year's numbers"),
    "UPDATE inventory_stockitem SET reserved = 1": ("stock", "counter is"),
    "DELETE FROM orders_returnline": ("stock", "each order line"),
}


@pytest.mark.parametrize("subject", ["stock", "totals", "numbers", "isolation", "ratings"])
def test_orders_that_lived_are_in_order(shop: Shop, neighbour: Shop, subject: str):
    store = Store(shop)
    lived(store)
    lived(store)
    lived(Store(neighbour))
    assert verify(subject) == (0, [])


@pytest.mark.parametrize("statement", FAULTS)
def test_planted_faults_are_found(shop: Shop, neighbour: Shop, platform, statement: str):
    subject, check = FAULTS[statement]
    store = Store(shop)
    lived(Store(neighbour))
    lived(store)
    lived(store)
    where = "AND" if "WHERE" in statement else "WHERE"
    statement = f"{statement} {where} tenant_id = '{shop.tenant.id}'"
    platform.execute(statement)
    status, faults = verify(subject)
    assert status == 1
    assert {each["tenant"] for each in faults} == {shop.tenant.slug}
    assert any(each["check"].startswith(check) for each in faults), faults


def test_a_row_that_refers_to_another_tenants(shop: Shop, neighbour: Shop, owner):
    order, other = lived(Store(shop)), lived(Store(neighbour))
    with owner.admin.transaction():
        owner.admin.execute("SET LOCAL session_replication_role = replica")
        owner.admin.execute(
            "UPDATE orders_order SET customer_id = %s WHERE id = %s",
            [other["customer"], order["id"]],
        )
    status, [fault] = verify("isolation")
    assert status == 1
    assert (fault["table"], fault["id"], fault["column"]) == (
        "orders_order",
        order["id"],
        "customer_id",
    )


def test_a_policy_that_is_gone(shop: Shop, owner):
    owner.connection.execute("ALTER TABLE orders_payment NO FORCE ROW LEVEL SECURITY")
    try:
        status, faults = verify("isolation")
    finally:
        owner.connection.execute("ALTER TABLE orders_payment FORCE ROW LEVEL SECURITY")
    assert status == 1
    assert any("orders_payment" in each["fault"] for each in faults)


def test_it_changes_nothing(shop: Shop):
    """It could not if it tried."""
    from noren.orders.management.commands import verify as command

    def write():
        from noren.orders.models import Customer

        Customer.objects.create(name="x")
        yield {}

    command.CHECKS["numbers"]["writes"] = write
    try:
        with pytest.raises(Exception, match="read-only"):
            verify("numbers")
    finally:
        del command.CHECKS["numbers"]["writes"]

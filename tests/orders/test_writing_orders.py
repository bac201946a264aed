"""How an order is written: whole or not at all, by statements that stay prepared."""

from __future__ import annotations

import re
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from rest_framework import serializers

from noren.catalog.models import Category, Product
from noren.catalog.services import create_product
from noren.orders.models import Customer, Order, OrderLine, OrderTax
from noren.orders.serializers import OrderWriteSerializer
from noren_kit.core import context
from noren_kit.db.rows import insert_together
from noren_kit.softdelete.deleting import hold_live
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Shop
from store import Store

TEXT = 'O\'Brien "苺" \\ {,}\n%s NULL'


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


def product() -> Product:
    values: dict[str, Any] = {
        "name": TEXT.partition("\n")[0],
        "sku": f"S{uuid.uuid4().hex}",
        "price": Decimal("105.125"),
        "status": "active",
        "category": Category.objects.create(name="Teas", tax_rate=Decimal(10)),
        "stock_quantity": 5,
    }
    made: Product = create_product(values=values)
    return made


def drawn_up(**values: Any) -> tuple[Order, list[OrderLine], list[OrderTax]]:
    """An order of two lines, unsaved."""
    goods, price = product(), Decimal("105.125")
    order = Order(
        customer=Customer.objects.create(name="Sato"),
        customer_name=TEXT,
        currency="JPY",
        prices_include_tax=True,
        item_count=3,
        subtotal_amount=price * 3,
        tax_amount=Decimal(0),
        total_amount=price * 3,
        notes=TEXT,
        created_by_id=context.actor_id(),
        **values,
    )
    order.created_at = order.updated_at = order.placed_at
    lines = [
        OrderLine(
            order=order,
            position=position,
            product=goods,
            stock_item_id=goods.stock_item_id,
            name=TEXT,
            sku=goods.sku,
            quantity=quantity,
            unit_price=price,
            tax_rate=Decimal("0.00"),
            reduced=False,
            subtotal=price * quantity,
        )
        for position, quantity in ((1, 1), (2, 2))
    ]
    zero = Decimal("0.00")
    taxes = [OrderTax(order=order, rate=zero, reduced=False, net=zero, tax=zero, gross=zero)]
    return order, lines, taxes


def values_of(row: Any) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


class TestRowsTogether:
    def test_they_come_back_as_they_were_given(self, shop: Shop) -> None:
        with shop.entered():
            order, lines, taxes = drawn_up()
            insert_together([order], lines, taxes)
            stored = [
                *Order.objects.filter(id=order.id),
                *OrderLine.objects.filter(order=order),
                *OrderTax.objects.filter(order=order),
            ]
            assert [values_of(row) for row in stored] == [
                values_of(row) for row in (order, *lines, *taxes)
            ]

    @pytest.mark.parametrize(
        ("line", "change", "error"),
        [
            (1, {"position": 1}, IntegrityError),
            (1, {"product_id": uuid.uuid4()}, IntegrityError),
            (0, {"subtotal": Decimal(1)}, IntegrityError),
            (0, {"subtotal": Decimal(10) ** 20}, DataError),
            (0, {"name": "x" * 201}, DataError),
        ],
    )
    def test_a_line_that_the_database_refuses_takes_all_with_it(
        self, shop: Shop, line: int, change: dict[str, Any], error: type[Exception]
    ) -> None:
        with shop.entered():
            order, lines, taxes = drawn_up()
            for name, value in change.items():
                setattr(lines[line], name, value)
            with pytest.raises(error), transaction.atomic():
                insert_together([order], lines, taxes)
            assert not Order.every.filter(id=order.id).exists()

    def test_another_tenants_rows_are_refused(self, shop: Shop, neighbour: Shop) -> None:
        with shop.entered():
            order, lines, taxes = drawn_up(tenant_id=neighbour.tenant.id)
            with pytest.raises(Exception, match="row-level security"), transaction.atomic():
                insert_together([order], lines, taxes)


def test_a_held_row_is_the_row(shop: Shop) -> None:
    """With the values that a query would give, amounts among them, and not once it is deleted."""
    with shop.entered():
        goods = product()
        held = hold_live(Product, goods.id)
        assert values_of(held) == values_of(Product.objects.get(id=goods.id))
        held.name = "Sencha"
        held.save(update_fields=["name"])
        assert Product.objects.get(id=goods.id).name == "Sencha"
        Product.objects.filter(id=goods.id).touch(deleted_at=goods.created_at)
        assert hold_live(Product, goods.id) is None
        assert hold_live(Product, uuid.uuid4()) is None


@pytest.mark.parametrize("body", [None, [], "tea", 5, {}, {"items": [None, 5, []]}])
def test_odd_bodies_are_refused_as_by_a_new_serializer(body: Any) -> None:
    judge = OrderWriteSerializer(data=body)
    assert not judge.is_valid()
    with pytest.raises(serializers.ValidationError) as refused:
        OrderWriteSerializer.validated(body)
    assert refused.value.detail == judge.errors


def test_one_body_leaves_nothing_for_the_next(store: Store) -> None:
    tea = store.product()
    full = store.order_body((tea, 1), discount="10", notes="Ring", shipping_address="Kyoto")
    bare = {"customer": full["customer"], "items": full["items"]}
    assert store.post("orders/", full)["notes"] == "Ring"
    store.post("orders/", {**full, "discount": "-1", "unknown": 1}, 400)
    after = store.post("orders/", bare)
    assert (after["notes"], after["shipping_address"], after["discount_amount"]) == ("", "", "0")


def test_every_statement_stays_prepared(store: Store) -> None:
    """PostgreSQL need not read them again, for orders of any number of lines."""
    goods = [store.product() for _ in range(4)]
    customer = store.customer()["id"]
    for number in range(8):
        lines = [(each, 1) for each in goods[: 1 + number % 4]]
        store.post("orders/", store.order_body(*lines, customer=customer))
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        prepared = {" ".join(statement.split()) for (statement,) in cursor.fetchall()}
    with recorded_statements() as sent:
        store.post("orders/", store.order_body((goods[0], 1), customer=customer))
    assert len(sent) == 5
    assert {_outline(each) for each in sent} <= {_outline(each) for each in prepared}


def _outline(statement: str) -> str:
    """A statement without its values' places."""
    return re.sub(r"%\(\w+\)s|%s|\$[0-9]+", "?", " ".join(statement.split()))

"""Random lives of a shop against a simple model: stock, holds, states and money agree.

50 sequences in `make test`, 2,000 in `make soak`.
"""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from noren.catalog.models import Category, Product
from noren.catalog.services import create_product
from noren.inventory.errors import InsufficientStock, StockChanged
from noren.inventory.models import StockHold
from noren.inventory.queries import find_differences, find_item
from noren.inventory.services import Change, adjust_stock, set_stock, sweep_expired
from noren.orders.errors import InvalidTransition, NotReturnable, ReservationNotHeld
from noren.orders.models import Customer, Order, Reservation
from noren.orders.queries import find_unexplained_lines
from noren.orders.queries.verifying import (
    find_wrong_numbers,
    find_wrong_payments,
    find_wrong_rates,
    find_wrong_returns,
    find_wrong_totals,
)
from noren.orders.services import (
    NewLine,
    ReturnedItem,
    cancel_order,
    confirm_order,
    deliver_order,
    place_order,
    place_reserved_order,
    release_reservation,
    reserve,
    return_order,
    ship_order,
)
from noren_kit.testing.shops import Shop, make_shop

SEQUENCES = 2_000 if "NOREN_SOAK" in os.environ else 50
STEPS = 25
PRODUCTS, UNITS = 3, 12
CHECKS = (
    *(find_differences, find_unexplained_lines, find_wrong_totals, find_wrong_rates),
    *(find_wrong_payments, find_wrong_returns, find_wrong_numbers),
)
NEXT = {
    ("confirm", "placed"): "confirmed",
    ("ship", "confirmed"): "shipped",
    ("deliver", "shipped"): "delivered",
}
STEP_SERVICES = {"confirm": confirm_order, "ship": ship_order, "deliver": deliver_order}

baskets = st.lists(
    st.tuples(st.integers(0, PRODUCTS - 1), st.integers(1, 6)), min_size=1, max_size=4
)
numbers = st.integers(0, 1_000)


@dataclass
class ModelOrder:
    id: uuid.UUID
    status: str
    lines: list[tuple[uuid.UUID, int, int]]  # Line, product, units left.


@dataclass
class ModelHold:
    id: uuid.UUID
    units: Counter[int]
    status: str = "held"


@dataclass
class Model:
    """What should be there, said as simply as it can be."""

    on_hand: list[int]
    backorder: list[bool]
    orders: list[ModelOrder] = field(default_factory=list)
    holds: list[ModelHold] = field(default_factory=list)

    def reserved(self, product: int) -> int:
        return sum(hold.units[product] for hold in self.holds if hold.status == "held")

    def available(self, product: int) -> int:
        return self.on_hand[product] - self.reserved(product)

    def covers(self, units: Counter[int]) -> bool:
        return all(
            self.backorder[product] or self.available(product) >= quantity
            for product, quantity in units.items()
        )


def units_of(basket: list[tuple[int, int]]) -> Counter[int]:
    units: Counter[int] = Counter()
    for product, quantity in basket:
        units[product] += quantity
    return units


class ShopMachine(RuleBasedStateMachine):
    shop: Shop

    def __init__(self) -> None:
        super().__init__()
        with self.inside():
            category = Category.objects.create(name=str(uuid.uuid4()), tax_rate=Decimal(10))
            self.customer = Customer.objects.create(name="Sato")
            made = [
                create_product(
                    values={
                        "name": "Tea",
                        "sku": str(uuid.uuid4()),
                        "price": Decimal(105 + number),
                        "status": Product.Status.ACTIVE,
                        "category": category,
                        "stock_quantity": UNITS,
                        "backorder": number == PRODUCTS - 1,
                    }
                )
                for number in range(PRODUCTS)
            ]
        self.products = [product.id for product in made]
        self.items = [product.stock_item_id for product in made]
        self.model = Model([UNITS] * PRODUCTS, [n == PRODUCTS - 1 for n in range(PRODUCTS)])

    @contextmanager
    def inside(self) -> Iterator[None]:
        with self.shop.entered():
            yield

    def attempt(self, error: type[Exception] | None, act: Callable[[], Any]) -> Any:
        """Do it in a transaction of its own; it must end as the model says."""
        if error is None:
            with self.inside():
                return act()
        with pytest.raises(error), self.inside():
            act()
        return None

    def lines(self, basket: list[tuple[int, int]]) -> list[NewLine]:
        return [NewLine(self.products[product], quantity) for product, quantity in basket]

    def _placed(self, order: Order) -> None:
        lines = [
            (line.id, self.products.index(line.product_id), line.quantity)
            for line in order.lines.all()
        ]
        self.model.orders.append(ModelOrder(order.id, "placed", lines))
        for _line, product, quantity in lines:
            self.model.on_hand[product] -= quantity

    @rule(basket=baskets, discount=st.integers(0, 100))
    def place(self, basket: list[tuple[int, int]], discount: int) -> None:
        error = None if self.model.covers(units_of(basket)) else InsufficientStock
        order = self.attempt(
            error,
            lambda: place_order(
                customer=self.customer, lines=self.lines(basket), discount=Decimal(discount)
            ),
        )
        if order is not None:
            self._placed(order)

    @rule(basket=baskets)
    def hold(self, basket: list[tuple[int, int]]) -> None:
        units = units_of(basket)
        error = None if self.model.covers(units) else InsufficientStock
        made = self.attempt(error, lambda: reserve(self.lines(basket), seconds=3_600))
        if made is not None:
            self.model.holds.append(ModelHold(made.id, units))

    @precondition(lambda self: self.model.holds)
    @rule(number=numbers)
    def expire(self, number: int) -> None:
        """The time passes; nothing sweeps."""
        hold = self.model.holds[number % len(self.model.holds)]
        with self.inside():
            past = timezone.now() - dt.timedelta(seconds=1)
            StockHold.objects.filter(holder_id=hold.id).update(expires_at=past)
            Reservation.objects.filter(id=hold.id).update(expires_at=past)
        if hold.status == "held":
            hold.status = "expired"

    @rule()
    def sweep(self) -> None:
        with self.inside():
            sweep_expired()

    @precondition(lambda self: self.model.holds)
    @rule(number=numbers)
    def let_go(self, number: int) -> None:
        hold = self.model.holds[number % len(self.model.holds)]
        error = ReservationNotHeld if hold.status == "used" else None
        self.attempt(error, lambda: release_reservation(hold.id))
        if hold.status != "used":
            hold.status = "released"

    @precondition(lambda self: self.model.holds)
    @rule(number=numbers, basket=st.none() | baskets)
    def order_what_is_held(self, number: int, basket: list[tuple[int, int]] | None) -> None:
        hold = self.model.holds[number % len(self.model.holds)]
        before, error = hold.status, None
        units = units_of(basket) if basket else hold.units
        if before != "held":
            error = ReservationNotHeld
        else:
            hold.status = "used"
            if not self.model.covers(units):
                error, hold.status = InsufficientStock, before
        order = self.attempt(
            error,
            lambda: place_reserved_order(
                hold.id, customer=self.customer, lines=self.lines(basket or [])
            ),
        )
        if order is not None:
            self._placed(order)

    @precondition(lambda self: self.model.orders)
    @rule(number=numbers, action=st.sampled_from(sorted(STEP_SERVICES)))
    def step(self, number: int, action: str) -> None:
        order = self.model.orders[number % len(self.model.orders)]
        after = NEXT.get((action, order.status))
        error = None if after else InvalidTransition
        self.attempt(error, lambda: STEP_SERVICES[action](order.id))
        order.status = after or order.status

    @precondition(lambda self: self.model.orders)
    @rule(number=numbers)
    def cancel(self, number: int) -> None:
        order = self.model.orders[number % len(self.model.orders)]
        allowed = order.status in ("placed", "confirmed")
        self.attempt(None if allowed else InvalidTransition, lambda: cancel_order(order.id))
        if allowed:
            order.status = "cancelled"
            for _line, product, left in order.lines:
                self.model.on_hand[product] += left

    @precondition(lambda self: self.model.orders)
    @rule(number=numbers, choice=numbers, quantity=st.integers(0, 7), restock=st.booleans())
    def give_back(self, number: int, choice: int, quantity: int, restock: bool) -> None:
        """Some units of one line, or with a quantity of 0 all that is left."""
        order = self.model.orders[number % len(self.model.orders)]
        at = choice % len(order.lines)
        items = [ReturnedItem(order.lines[at][0], quantity)] if quantity else None
        error: type[Exception] | None = None
        if order.status not in ("shipped", "delivered"):
            error = InvalidTransition
        elif quantity > order.lines[at][2]:
            error = NotReturnable
        self.attempt(
            error, lambda: return_order(order.id, items=items, restock=restock, reason="x")
        )
        if error is not None:
            return
        for place, (line, product, left) in enumerate(order.lines):
            back = left if items is None else quantity if place == at else 0
            order.lines[place] = (line, product, left - back)
            self.model.on_hand[product] += back if restock else 0
        if not any(left for _line, _product, left in order.lines):
            order.status = "returned"

    @rule(product=st.integers(0, PRODUCTS - 1), delta=st.integers(-8, 8))
    def adjust(self, product: int, delta: int) -> None:
        short = delta < 0 and not self.model.covers(Counter({product: -delta}))
        change = Change(self.items[product], delta)
        error = InsufficientStock if short else None
        self.attempt(error, lambda: adjust_stock(change=change, reason="x"))
        if not short:
            self.model.on_hand[product] += delta

    @rule(product=st.integers(0, PRODUCTS - 1), counted=st.integers(0, 20), known=st.booleans())
    def count(self, product: int, counted: int, known: bool) -> None:
        on_hand = self.model.on_hand[product]
        error: type[Exception] | None = None
        if not known:
            error = StockChanged
        elif counted < on_hand and not self.model.covers(Counter({product: on_hand - counted})):
            error = InsufficientStock
        self.attempt(
            error,
            lambda: set_stock(
                stock_item_id=self.items[product],
                quantity=counted,
                expected=on_hand if known else on_hand + 1,
                reason="x",
                label={},
            ),
        )
        if error is None:
            self.model.on_hand[product] = counted

    @invariant()
    def counters_are_the_models(self) -> None:
        if not hasattr(self, "model"):
            return
        with self.inside():
            found = [find_item(item) for item in self.items]
        assert [item.on_hand for item in found] == self.model.on_hand
        assert [item.reserved for item in found] == [
            self.model.reserved(product) for product in range(PRODUCTS)
        ]

    def teardown(self) -> None:
        with self.inside():
            orders = Order.objects.filter(id__in=[order.id for order in self.model.orders])
            assert dict(orders.values_list("id", "status")) == {
                order.id: order.status for order in self.model.orders
            }
            for returned in orders.filter(status="returned"):
                assert returned.returned_amount == returned.total_amount
            for check in CHECKS:
                assert list(check()) == []


def test_random_lives(owner: Any) -> None:
    """A new shop now and then, for checks look at all of its past."""

    class Life(ShopMachine):
        begun = 0

        def __init__(self) -> None:
            if Life.begun % 50 == 0:
                owner.empty()
                Life.shop = make_shop(tax_rounding=("floor", "half_up", "ceil")[Life.begun % 3])
            Life.begun += 1
            super().__init__()

    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    assert Life.begun >= SEQUENCES

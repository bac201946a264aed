"""The plan of a shop: pure, the same for the same seed, and plausible."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections import Counter, defaultdict
from decimal import Decimal

import pytest

from noren.demo.generating import plan_shop
from noren.demo.words import PROFILES
from noren_kit.core.money import quantum_of

END = dt.datetime(2026, 2, 14, 9, 30, tzinfo=dt.UTC)
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


@pytest.fixture(scope="module", params=PROFILES, ids=[profile.slug for profile in PROFILES])
def plan(request):
    return plan_shop(request.param, seed=7, scale=1, end=END)


def test_same_seed_same_shop(plan):
    again = plan_shop(plan.profile, seed=7, scale=1, end=END)
    assert again == plan
    assert plan_shop(plan.profile, seed=8, scale=1, end=END).products != plan.products


def test_sizes(plan):
    assert 980 <= len(plan.products) <= 1_020
    assert 100 <= len(plan.customers) <= 200
    assert 1_500 <= len(plan.orders) <= 2_500
    assert len(plan.reviews) > 500
    assert 20 < len(plan.variants) < 200
    skus = {each.sku for each in (*plan.products, *plan.variants)}
    assert len(skus) == len(plan.products) + len(plan.variants)
    assert Counter(product.status for product in plan.products)["active"] > 850


def test_names_are_unique_and_fit(plan):
    for names in ([product.name for product in plan.products], [p.sku for p in plan.products]):
        assert len(set(names)) == len(names)
    assert max(len(product.name) for product in plan.products) <= 200
    assert not any("  " in p.name or " ," in p.name or "{" in p.name for p in plan.products)
    addresses = [customer.email for customer in plan.customers]
    assert len(set(addresses)) == len(addresses)


def test_prices_have_the_currencys_precision(plan):
    quantum = quantum_of(plan.profile.settings["currency"])
    for product in plan.products:
        assert product.price == product.price.quantize(quantum)
        assert product.price >= Decimal("0.01")


def test_people_have_japanese_and_english_names(plan):
    names = [member.name for member in plan.profile.members]
    names += [customer.buyer.name for customer in plan.customers]
    assert any(JAPANESE.search(name) for name in names)
    assert any(name.isascii() for name in names)
    assert [m.role for m in plan.profile.members] == ["owner", "manager", "staff", "viewer"]


def test_categories_are_a_tree_with_an_approved_one(plan):
    parents = {branch.name: branch.parent for branch in plan.profile.branches}
    depths = []
    for name in parents:
        above = list(itertools.takewhile(bool, _line_of(name, parents)))
        depths.append(len(above))
    assert max(depths) in (2, 3)
    assert sum(branch.requires_approval for branch in plan.profile.branches) == 1
    assert {product.category for product in plan.products} <= set(parents)


def _line_of(name, parents):
    current = name
    while current is not None:
        yield current
        current = parents[current]


def test_stock_never_runs_below_nothing_and_some_ends_low(plan):
    changes = defaultdict(list)
    for delivery in plan.deliveries:
        changes[delivery.product].append((delivery.at, delivery.quantity))
    for order in plan.orders:
        for line in order.lines:
            changes[line.product].append((order.placed_at, -line.quantity))
            if order.status == "cancelled":
                changes[line.product].append((order.closed_at, line.quantity))
    left = []
    for moved in changes.values():
        balances = list(itertools.accumulate(quantity for _at, quantity in sorted(moved)))
        assert min(balances) >= 0
        left.append(balances[-1])
    left += [0] * (len(plan.products) - len(changes))
    assert 20 < left.count(0) < 100
    assert 50 < sum(1 for units in left if 0 < units <= 10) < 200


def test_orders_are_of_the_last_months_and_of_goods_then_on_sale(plan):
    moments = [order.placed_at for order in plan.orders]
    assert moments == sorted(moments)
    assert END - dt.timedelta(days=184) < moments[0]
    assert moments[-1] < END
    for order in plan.orders:
        assert order.placed_at <= order.closed_at <= END
        assert len({line.product for line in order.lines}) == len(order.lines)
        for line in order.lines:
            product = plan.products[line.product]
            assert product.status == "active"
            assert product.created_at <= order.placed_at


def test_states_are_those_of_a_shop_at_work(plan):
    states = Counter(order.status for order in plan.orders)
    assert states["delivered"] > 1_600
    assert 40 < states["cancelled"] < 140
    assert 5 < states["returned"] < 50
    assert states["shipped"] > 0
    assert states["confirmed"] > 0
    assert {order.payment_status for order in plan.orders} == {
        "unpaid",
        "partly_paid",
        "paid",
        "partly_refunded",
        "refunded",
    }

"""Facets count what the list shows, each without its own filter."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noren.catalog.queries import price_bounds
from noren_kit.testing.answers import assert_error
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Shop
from store import API, Store

OWN = {
    "category": {"category"},
    "brand": {"brand"},
    "tags": {"tags"},
    "price": {"price_min", "price_max"},
    "availability_status": {"availability_status"},
}
CENT = Decimal("0.01")


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


def filled(store: Store, chance: random.Random) -> dict[str, list[str]]:
    """Thirty products of all kinds; returns what may be filtered by."""
    categories = [store.category()["id"] for _ in range(3)]
    brands = [store.post("brands/", {"name": f"B{number}"})["id"] for number in range(3)]
    for number in range(30):
        store.product(
            name=chance.choice(["tea heart", "heart", "tea"]),
            sku=f"P{number}",
            category=chance.choice(categories),
            brand=chance.choice([*brands, None]),
            price=str(chance.choice([1, 9, 10, 55, 100, 4999, 5000])),
            tags=chance.sample(["x", "y", "z"], chance.randint(0, 3)),
            stock_quantity=chance.choice([0, 5, 50]),
            status=chance.choice(["active", "active", "draft"]),
        )
    gone = store.product(name="tea heart", category=categories[0], tags=["x"])
    assert store.client.delete(f"{API}products/{gone['id']}/").status_code == 204
    return {
        "category": categories,
        "brand": brands,
        "tags": ["x", "y", "x,y"],
        "price_min": ["0", "10", "100"],
        "price_max": ["100", "5000"],
        "availability_status": ["in_stock", "low_stock", "out_of_stock"],
        "search": ["tea", "heart", "tea heart"],
        "is_active": ["true", "false"],
    }


def listed(store: Store, parameters: dict[str, str], without: set[str]) -> list[dict[str, Any]]:
    kept = {name: value for name, value in parameters.items() if name not in without}
    rows: list[dict[str, Any]] = store.get("products/", page_size=100, **kept)["results"]
    return rows


def test_facets_are_what_counting_by_hand_finds(store: Store) -> None:
    chance = random.Random(20_260)
    choices = filled(store, chance)
    names = {
        each["id"]: each["name"]
        for path in ("categories/", "brands/")
        for each in store.get(path, page_size=100)["results"]
    }
    asked = [{}, {"tags": "x", "availability_status": "in_stock", "brand": choices["brand"][0]}]
    for _ in range(40):
        picked = chance.sample(sorted(choices), chance.randint(1, 4))
        asked.append({name: chance.choice(choices[name]) for name in picked})
    for parameters in asked:
        facets = store.get("products/facets/", **parameters)
        rows = {facet: listed(store, parameters, own) for facet, own in OWN.items()}
        assert facets["count"] == len(listed(store, parameters, set())), parameters
        for facet in ("category", "brand"):
            counted = Counter(row[facet] for row in rows[facet] if row[facet])
            assert {each["id"]: each["count"] for each in facets[facet]} == counted, parameters
            assert all(each["name"] == names[each["id"]] for each in facets[facet])
            counts = [each["count"] for each in facets[facet]]
            assert counts == sorted(counts, reverse=True)
        tags = Counter(tag for row in rows["tags"] for tag in row["tags"])
        assert {each["name"]: each["count"] for each in facets["tags"]} == tags, parameters
        states = Counter(row["availability_status"] for row in rows["availability_status"])
        assert {each["value"]: each["count"] for each in facets["availability_status"]} == states
        prices = [Decimal(row["price"]) for row in rows["price"]]
        assert sum(band["count"] for band in facets["price"]) == len(prices)
        for band in facets["price"]:
            low, high = Decimal(band["from"]), Decimal(band["to"])
            assert band["count"] == sum(low <= price < high for price in prices), parameters


def test_two_statements_whatever_is_there(store: Store) -> None:
    counts = []
    for _ in range(2):
        store.product(name="heart", tags=["a", "b"])
        with recorded_statements() as statements:
            store.get("products/facets/", search="heart", tags="a")
        counts.append(len(statements))
    assert counts[0] == counts[1]
    assert sum("catalog_product" in each for each in statements) == 2


def test_at_most_50_of_each(store: Store) -> None:
    category = store.category()["id"]
    for start in (0, 30):
        tags = [f"t{number:02}" for number in range(start, start + 30)]
        store.product(tags=tags, category=category)
    tags = store.get("products/facets/")["tags"]
    assert [each["name"] for each in tags] == [f"t{number:02}" for number in range(50)]


def test_nothing_there(store: Store) -> None:
    nothing = {"category": [], "brand": [], "tags": [], "price": [], "availability_status": []}
    assert store.get("products/facets/") == {"count": 0, **nothing}
    store.product()
    assert store.get("products/facets/", search="nothing") == {"count": 0, **nothing}


def test_amounts_are_the_tenants(shop: Shop) -> None:
    store = Store(shop)
    for price in ("980", "1200", "1990"):
        store.product(price=price)
    bands = store.get("products/facets/")["price"]
    assert [(band["from"], band["to"], band["count"]) for band in bands] == [
        ("800", "1000", 1),
        ("1000", "1200", 0),
        ("1200", "1400", 1),
        ("1400", "1600", 0),
        ("1600", "1800", 0),
        ("1800", "2000", 1),
    ]


def test_only_what_the_caller_may_see_is_counted(store: Store, neighbour: Shop) -> None:
    bound = store.category(name="Spirits", requires_approval=True)["id"]
    store.product(category=bound, tags=["x"])
    store.product(tags=["x"])
    for role in ("viewer", "staff", "owner"):
        other = Store(store.shop, role)
        assert other.get("products/facets/")["count"] == other.get("products/")["count"]
    assert Store(neighbour).get("products/facets/")["tags"] == []


def test_what_is_refused(store: Store) -> None:
    for name, value in (
        ("page", "1"),
        ("ordering", "name"),
        ("highlight", "true"),
        ("x", "y"),
        ("price_min", "x"),
        ("category", "x"),
        ("search", "w " * 11),
    ):
        response = store.client.get(f"{API}products/facets/", {name: value})
        assert set(assert_error(response, 400)) == {name}, name


@given(
    st.decimals("0.001", "99999999.99", places=3),
    st.decimals("0.001", "99999999.99", places=3),
    st.sampled_from([Decimal(1), CENT, Decimal("0.001")]),
)
def test_bands_are_few_and_hold_every_price(one: Decimal, two: Decimal, unit: Decimal) -> None:
    low, high = sorted((one, two))
    bounds = price_bounds(low, high, unit)
    assert bounds == sorted(set(bounds))
    assert 1 <= len(bounds) - 1 <= 8
    assert bounds[0] <= low
    assert high < bounds[-1]
    for bound in bounds:
        assert bound % unit == 0


@pytest.mark.parametrize(
    ("low", "high", "bounds"),
    [
        ("1", "100", "1 2 5 10 20 50 100 200"),
        ("12", "95", "0 20 40 60 80 100"),
        ("1000", "1000", "1000 1001"),
        ("100", "9999", "100 200 500 1000 2000 5000 10000"),
        ("1", "99999", "1 10 100 1000 10000 100000"),
    ],
)
def test_bands_are_round(low: str, high: str, bounds: str) -> None:
    found = price_bounds(Decimal(low), Decimal(high), Decimal(1))
    assert [str(each) for each in found] == bounds.split()

"""Tax classes: rates by date, and categories and orders that follow them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from noren.catalog.models import Category, TaxRate
from noren.catalog.services import provide_tax_classes
from noren.catalog.tasks import follow_tax_classes
from noren_kit.testing.answers import assert_error
from noren_kit.testing.shops import Shop
from store import API, Store


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


def day(offset: int) -> str:
    return str(timezone.now().date() + dt.timedelta(days=offset))


def made(store: Store, **rates: str) -> dict[str, Any]:
    """A class whose rates begin so many days from today: `past=` ten ago, `soon=` in ten."""
    days = {"past": -10, "soon": 10}
    body = [{"valid_from": day(days[name]), "rate": rate} for name, rate in rates.items()]
    return store.post("tax-classes/", {"code": "food", "name": "Food", "rates": body})


def test_a_category_follows_its_class(store: Store, shop: Shop) -> None:
    tax_class = made(store, past="8", soon="10")
    assert [rate["rate"] for rate in tax_class["rates"]] == ["8.00", "10.00"]
    category = store.category(tax_class=tax_class["id"])
    assert category["tax_rate"] == "8.00"
    below = store.category(parent=category["id"])
    assert (below["tax_class"], below["tax_rate"]) == (tax_class["id"], "8.00")
    product = store.product(price="100", category=category["id"])
    assert product["price_with_tax"] == "108"
    with shop.entered():
        TaxRate.objects.filter(rate=10).update(valid_from=day(-1))
    order = store.order((product, 1))
    assert order["items"][0]["tax_rate"] == "10.00", "orders ask the class itself"
    assert follow_tax_classes() == 2
    assert follow_tax_classes() == 0
    assert store.get(f"products/{product['id']}/")["price_with_tax"] == "110"
    assert store.get(f"categories/{category['id']}/")["tax_rate"] == "10.00"


def test_changed_rates_are_followed_at_once(store: Store) -> None:
    tax_class = made(store, past="8")
    category = store.category(tax_class=tax_class["id"])
    rates = [{"valid_from": day(-5), "rate": "5"}]
    store.patch(f"tax-classes/{tax_class['id']}/", {"rates": rates})
    assert store.get(f"categories/{category['id']}/")["tax_rate"] == "5.00"


def test_the_class_says_the_rate(store: Store) -> None:
    tax_class = made(store, past="8")
    category = store.category(tax_class=tax_class["id"])
    url = f"{API}categories/{category['id']}/"
    faults = assert_error(store.client.patch(url, {"tax_rate": "9"}), 400, "validation_error")
    assert faults["tax_rate"][0]["code"] == "follows_class"
    left = store.patch(f"categories/{category['id']}/", {"tax_class": None, "tax_rate": "9"})
    assert (left["tax_class"], left["tax_rate"]) == (None, "9.00")
    assert store.client.delete(f"{API}tax-classes/{tax_class['id']}/").status_code == 204


def test_a_class_in_use_stays(store: Store) -> None:
    tax_class = made(store, past="8")
    store.category(tax_class=tax_class["id"])
    url = f"{API}tax-classes/{tax_class['id']}/"
    assert_error(store.client.delete(url), 409, "in_use")
    assert_error(store.client.patch(url, {"rates": []}), 400, "validation_error")
    assert_error(store.client.patch(url, {"rates": [{"valid_from": day(1), "rate": "8"}]}), 400)


def test_a_class_without_a_rate_of_today(store: Store) -> None:
    tax_class = made(store, soon="8")
    body = {"name": "x", "tax_class": tax_class["id"]}
    faults = assert_error(store.client.post(f"{API}categories/", body), 400, "validation_error")
    assert faults["tax_class"][0]["code"] == "no_rate"


@pytest.mark.parametrize(
    "rates",
    [
        [{"valid_from": "2020-01-01", "rate": "8"}] * 2,
        [{"valid_from": "2020-13-01", "rate": "8"}],
        [{"valid_from": "2020-01-01", "rate": "101"}],
        [{"valid_from": "2020-01-01", "rate": "-1"}],
        [{"valid_from": "2020-01-01"}],
        [{"valid_from": "2020-01-01", "rate": "8", "reduced": True}],
        {},
        "8",
    ],
)
def test_malformed_rates(store: Store, rates: Any) -> None:
    body = {"code": "food", "name": "Food", "rates": rates}
    faults = assert_error(store.client.post(f"{API}tax-classes/", body), 400, "validation_error")
    assert set(faults) == {"rates"}


def test_what_japan_has(store: Store, shop: Shop) -> None:
    with shop.entered():
        provide_tax_classes()
        provide_tax_classes()
    found = store.get("tax-classes/", ordering="code")["results"]
    assert [(each["code"], each["rates"][0]["rate"]) for each in found] == [
        ("exempt", "0.00"),
        ("reduced", "8.00"),
        ("standard", "10.00"),
    ]
    with shop.entered():
        assert not Category.objects.exists()

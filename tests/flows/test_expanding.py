"""`?expand=`: related objects whole, in the same statement, for those who may see them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from noren.catalog.models import Brand, Category
from noren.catalog.services import create_product
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Client, Shop

URL = "/api/v1/products/"


@pytest.fixture
def client(shop: Shop) -> Client:
    return shop.client("manager")


@pytest.fixture
def product(shop: Shop) -> str:
    with shop.entered():
        root = Category.objects.create(name="Goods", tax_rate=Decimal(10))
        tea = Category.objects.create(name="Tea", parent=root, tax_rate=Decimal(8))
        brand = Brand.objects.create(name="Acme")
        values = {"name": "Sencha", "sku": "S1", "price": Decimal(100)}
        made = create_product(values={**values, "category": tea, "brand": brand})
    return str(made.id)


def fetch(client: Client, url: str) -> Any:
    response = client.get(url)
    assert response.status_code == 200, response.json()
    return response.json()


def test_the_expanded_is_what_its_own_resource_shows(client: Client, product: str) -> None:
    plain = fetch(client, f"{URL}{product}/")
    shown = fetch(client, f"{URL}{product}/?expand=category,brand,supplier")
    assert shown["category"] == fetch(client, f"/api/v1/categories/{plain['category']}/")
    assert shown["brand"] == fetch(client, f"/api/v1/brands/{plain['brand']}/")
    assert shown["supplier"] is None
    others = {"category", "brand"}
    assert {k: v for k, v in shown.items() if k not in others} == {
        k: v for k, v in plain.items() if k not in others
    }


def test_two_relations_deep(client: Client, product: str) -> None:
    category = fetch(client, f"{URL}?expand=category.parent")["results"][0]["category"]
    root = fetch(client, f"/api/v1/categories/{category['parent']['id']}/")
    assert category["parent"] == root
    assert root["parent"] is None


def test_no_further_statement(client: Client, product: str) -> None:
    def count(url: str) -> int:
        with recorded_statements() as statements:
            fetch(client, url)
        return len(statements)

    fetch(client, "/api/v1/tags/")  # The first request of a connection has more to do.
    assert count(f"{URL}?expand=category.parent,brand") == count(URL)


def test_less_costs_less(client: Client, product: str) -> None:
    with recorded_statements() as statements:
        fetch(client, f"{URL}?fields=id,name")
    (read,) = (each for each in statements if "catalog_product" in each)
    assert "JOIN" not in read.partition(' JOIN "catalog_product"')[2]


@pytest.mark.parametrize("path", ["tags", "category.parent.parent", "nonsense", "category.name"])
def test_what_is_not_listed_is_refused(client: Client, product: str, path: str) -> None:
    for url in (f"{URL}?expand={path}", f"{URL}{product}/?expand={path}"):
        response = client.get(url)
        assert response.status_code == 400
        assert "expand" in response.json()["details"]


def test_a_resource_without_any_does_not_know_the_parameter(client: Client) -> None:
    details = client.get("/api/v1/tags/?expand=name").json()["details"]
    assert details["expand"][0]["code"] == "unknown_parameter"


def test_nobody_sees_by_it_what_they_may_not_see(shop: Shop, product: str) -> None:
    limited = shop.hire("limited", ["catalog.view_product", "catalog.view_brand"])
    assert limited.get(f"{URL}{product}/").status_code == 200
    assert limited.get(f"{URL}{product}/?expand=brand").status_code == 200
    for path in ("category", "category.parent"):
        assert limited.get(f"{URL}{product}/?expand={path}").status_code == 403


def test_nor_those_who_may_see_some_alone(shop: Shop, client: Client) -> None:
    limited = shop.hire("limited", ["orders.view_order", "orders.view_own_customer"])
    assert limited.get("/api/v1/orders/").status_code == 200
    assert limited.get("/api/v1/orders/?expand=customer").status_code == 403
    assert client.get("/api/v1/orders/?expand=customer").status_code == 200

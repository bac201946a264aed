"""`popular/` and `statistics/`: of this tenant alone, and never older than the last write."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from noren.catalog.models import Category, Product
from noren.catalog.services import count_sales, create_product
from noren_kit.testing.shops import Client, Shop, make_shop

URL = "/api/v1/products/"
Make = Callable[..., Product]


@pytest.fixture
def client(shop: Shop) -> Client:
    return shop.client("viewer")


def maker(shop: Shop) -> Make:
    def make(sku: str, *, price: int = 100, status: str = "active", stock: int = 50) -> Product:
        with shop.entered():
            category = Category.objects.get_or_create(name="Tea", defaults={"tax_rate": 8})[0]
            values = {"name": sku, "sku": sku, "price": Decimal(price), "category": category}
            return create_product(values={**values, "status": status, "stock_quantity": stock})

    return make


@pytest.fixture
def make(shop: Shop) -> Make:
    return maker(shop)


def sell(shop: Shop, product: Product, units: int) -> None:
    with shop.entered():
        count_sales({product.id: units})


def popular(client: Client) -> list[str]:
    return [row["sku"] for row in client.get(f"{URL}popular/").json()["results"]]


def figures(client: Client) -> Any:
    return client.get(f"{URL}statistics/").json()


def test_popular_goes_by_sales_then_rating(shop: Shop, client: Client, make: Make) -> None:
    plain, rated, sold, draft = (
        make("plain"),
        make("rated"),
        make("sold"),
        make("d", status="draft"),
    )
    with shop.entered():
        Product.objects.filter(id=rated.id).update(average_rating=Decimal("4.50"))
    sell(shop, sold, 3)
    sell(shop, draft, 9)
    assert popular(client) == ["sold", "rated", "plain"]
    sell(shop, plain, 4)
    assert popular(client) == ["plain", "sold", "rated"]


def test_popular_shows_twenty_rows_of_the_list(client: Client, make: Make) -> None:
    for number in range(21):
        make(f"T{number}")
    shown = client.get(f"{URL}popular/").json()["results"]
    assert len(shown) == 20
    assert shown[0] == client.get(f"{URL}?ids={shown[0]['id']}").json()["results"][0]


def test_statistics(shop: Shop, client: Client, make: Make) -> None:
    assert figures(client) == {
        "total_products": 0,
        "active_products": 0,
        "average_price": None,
        "categories": 0,
        "out_of_stock": 0,
        "low_stock": 0,
    }
    make("a", price=100)
    make("b", price=101, stock=10)
    make("c", price=101, stock=0, status="draft")
    assert figures(client) == {
        "total_products": 3,
        "active_products": 2,
        "average_price": "101",
        "categories": 1,
        "out_of_stock": 1,
        "low_stock": 1,
    }


def test_figures_follow_each_kind_of_write(shop: Shop, client: Client, make: Make) -> None:
    product, manager = make("a", stock=20), shop.client("manager")
    assert figures(client)["low_stock"] == 0
    adjusted = manager.post(f"{URL}{product.id}/adjust_stock/", {"delta": -15, "reason": "broken"})
    assert adjusted.status_code == 200
    assert figures(client)["low_stock"] == 1
    assert manager.patch(f"{URL}{product.id}/", {"status": "archived"}).status_code == 200
    assert figures(client)["active_products"] == 0
    assert popular(client) == []
    assert manager.delete(f"{URL}{product.id}/").status_code == 204
    assert figures(client)["total_products"] == 0


def test_of_this_tenant_alone(client: Client, make: Make) -> None:
    neighbour = make_shop()
    sell(neighbour, maker(neighbour)("theirs"), 5)
    make("ours")
    assert popular(client) == ["ours"]
    assert figures(client)["total_products"] == 1


def test_unchanged_they_come_from_memory(client: Client, make: Make) -> None:
    make("a")
    for path in ("popular/", "statistics/"):
        first, second = client.get(URL + path), client.get(URL + path)
        assert second.headers["Cache-Status"] == "noren; hit"
        assert second.json() == first.json()


def test_parameters_are_refused(client: Client) -> None:
    assert client.get(f"{URL}popular/?page=2").status_code == 400
    assert client.get(f"{URL}statistics/?status=active").status_code == 400

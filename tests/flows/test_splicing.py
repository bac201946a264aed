"""Stock moves with every sale; what is cached of the catalogue stands, and stock is never stale."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from noren.catalog.models import Category
from noren.catalog.services import create_product
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Client, Shop

URL = "/api/v1/products/"
DESCRIBED = '."description"'


@pytest.fixture
def product(shop: Shop) -> str:
    with shop.entered():
        category = Category.objects.create(name="Tea", tax_rate=Decimal(8))
        values = {"name": "Sencha", "sku": "S1", "price": Decimal(100), "category": category}
        made = create_product(values={**values, "status": "active", "stock_quantity": 20})
    return str(made.id)


@pytest.fixture
def client(shop: Shop) -> Client:
    return shop.client("manager")


def fetch(client: Client, url: str) -> tuple[Any, Any, list[str]]:
    with recorded_statements() as statements:
        response = client.get(url)
    assert response.status_code == 200, response.json()
    body = response.json()
    return response, body["results"][0] if "results" in body else body, statements[:]


def take(client: Client, product: str, units: int) -> None:
    adjusted = client.post(f"{URL}{product}/adjust_stock/", {"delta": -units, "reason": "broken"})
    assert adjusted.status_code == 200, adjusted.json()


@pytest.mark.parametrize("of", ["list", "detail", "sparse"])
def test_stock_is_read_anew_and_nothing_else_is(client: Client, product: str, of: str) -> None:
    url = {
        "list": URL,
        "detail": f"{URL}{product}/",
        "sparse": f"{URL}?fields=id,name,stock_quantity",
    }[of]
    first, before, _statements = fetch(client, url)
    assert before["stock_quantity"] == 20
    take(client, product, 15)
    second, after, statements = fetch(client, url)
    assert after == {**before, "stock_quantity": 5} | (
        {} if of == "sparse" else {"availability_status": "low_stock"}
    )
    assert list(after) == list(before)
    assert first.headers["ETag"] != second.headers["ETag"]
    (read,) = (each for each in statements if "catalog_product" in each)
    assert "unnest" in read
    assert 't0."name"' not in read
    assert DESCRIBED not in read


def test_sales_are_spliced_in_too(shop: Shop, client: Client, product: str) -> None:
    customer = client.post("/api/v1/customers/", {"name": "Sato"}).json()["id"]
    _response, before, _statements = fetch(client, f"{URL}{product}/")
    items = [{"product_id": product, "quantity": 3}]
    assert client.post("/api/v1/orders/", {"customer": customer, "items": items}).status_code == 201
    _response, after, statements = fetch(client, f"{URL}{product}/")
    assert after["total_sales"] == 3
    assert after["stock_quantity"] == 17
    assert after["updated_at"] == before["updated_at"]
    assert not any(DESCRIBED in each for each in statements)


def test_a_list_by_stock_is_read_anew_as_a_whole(client: Client, product: str) -> None:
    url = f"{URL}?availability_status=in_stock"
    assert fetch(client, url)[1]["id"] == product
    take(client, product, 15)
    assert client.get(url).json()["results"] == []


def test_what_shows_no_stock_outlasts_a_sale(client: Client, product: str) -> None:
    url = f"{URL}?fields=id,name"
    first, _row, _statements = fetch(client, url)
    take(client, product, 1)
    second, _row, statements = fetch(client, url)
    assert second.headers["Cache-Status"] == "noren; hit"
    assert second.headers["ETag"] == first.headers["ETag"]
    assert len(statements) == 1


def test_a_new_price_is_shown_with_the_stock_of_the_moment(client: Client, product: str) -> None:
    fetch(client, URL)
    take(client, product, 15)
    assert client.patch(f"{URL}{product}/", {"price": "120"}).status_code == 200
    _response, row, _statements = fetch(client, URL)
    assert (row["price"], row["stock_quantity"]) == ("120", 5)

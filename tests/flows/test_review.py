"""Faults that a reader of the code found; each test is one of them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from noren_kit.testing.shops import Shop
from store import API, Store


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


@pytest.mark.parametrize("path", ["products/{}/", "products/{}/variants/", "orders/{}/"])
def test_no_tag_is_known_of_what_is_not_there(store: Store, path: str) -> None:
    store.product()
    response = store.client.get(API + path.format(uuid.uuid4()), headers={"If-None-Match": "*"})
    assert response.status_code == 404


def test_parameters_are_judged_whatever_tags_are_known(store: Store) -> None:
    store.product()
    response = store.client.get(f"{API}products/?nothing=1", headers={"If-None-Match": "*"})
    assert response.status_code == 400


@pytest.mark.parametrize(
    "ordering",
    [
        "nothing",
        ",",
        "-",
        "category__nothing",
        "tags",
        "-pk",
        "category__name",
        "stock_item__on_hand",
        "x" * 3000,
    ],
)
def test_orderings(store: Store, ordering: str) -> None:
    store.product()
    for _ in range(2):
        response = store.client.get(f"{API}products/", {"ordering": ordering})
        assert response.status_code == 400, ordering


@pytest.mark.parametrize(
    "accept",
    [
        "application/jsonlines",
        "application/json-patch+json",
        "text/html",
        "application/problem+json",
        'text/html;x="*/*"',
        "application/json;q=0",
        "application/json; q=0.0",
        "*/*; q = 0",
        "application/json;version=2",
    ],
)
def test_what_is_accepted_is_the_same_out_of_the_cache(store: Store, accept: str) -> None:
    store.product()
    cold = store.client.get(f"{API}products/", HTTP_ACCEPT=accept)
    warm = store.client.get(f"{API}products/")
    warm = store.client.get(f"{API}products/")
    again = store.client.get(f"{API}products/", HTTP_ACCEPT=accept)
    print(accept, cold.status_code, again.status_code, again.headers.get("Content-Type"))
    assert cold.status_code == again.status_code


@pytest.mark.parametrize(
    "query",
    [
        "fields=stock_quantity",
        "omit=id",
        "fields=id,stock_quantity",
        "fields=category&expand=category",
        "fields=category,stock_quantity&expand=category.parent&omit=id",
        "fields=stock_quantity&omit=stock_quantity",
        "fields=total_sales",
        "search=%C3%A9%CC%81&highlight=true",
        "search=%CC%81",
        "search=!!!",
        "search=%F4%8F%BF%BF",
        "search=%E2%80%AE%D7%90",
        "search=%F0%9F%98%80",
        "search=" + "a%CC%81" * 60,
        "search=" + "%CC%81" * 90,
        "search=%25_",
        "search=%5C",
        "search=%25s",
        "search=%7B%7D&highlight=true&fields=id&omit=id",
        "search=S1&ordering=price&cursor=",
        "search=S1&cursor=",
        "tags=a,b",
        "tags=%25,%25s",
        "availability_status=in_stock&price_min=1&price_max=1000&tags=a&search=S",
        "availability_status=in_stock&cursor=&ordering=name",
        "ids=",
        "page_size=-1",
        "page=0",
        "page=2",
        "page=99999999999999999999",
        "page_size=1&page=2",
        "price_min=99999999999.999",
        "price_min=1&price_max=0",
    ],
)
def test_queries(store: Store, query: str) -> None:
    p = store.product(
        tags=["a", "b", "%"], category=store.category(parent=store.category()["id"])["id"]
    )
    a = store.client.get(f"{API}products/?{query}")
    b = store.client.get(f"{API}products/?{query}")
    store.post(f"products/{p['id']}/adjust_stock/", {"delta": -1, "reason": "broken"}, 200)
    c = store.client.get(f"{API}products/?{query}")
    print(
        query,
        a.status_code,
        b.status_code,
        c.status_code,
        len(a.json().get("results", [])),
        str(c.json())[:300],
    )
    assert a.status_code == b.status_code == c.status_code < 500
    facets = query.split("&")[0]
    f = store.client.get(
        f"{API}products/facets/?{query.replace('&highlight=true', '').replace('&cursor=', '')}"
    )
    print("facets", f.status_code, str(f.json())[:300])
    assert f.status_code < 500
    d = store.client.get(f"{API}products/{p['id']}/?{query}")
    assert d.status_code < 500


def test_an_order_is_shown_alike_by_those_without_a_name(shop: Shop, store: Store) -> None:
    from noren_kit.accounts.models import User

    User.objects.filter(id=shop.users["owner"].id).update(name="")
    made = store.order((store.product(), 1))
    assert store.get(f"orders/{made['id']}/") == made

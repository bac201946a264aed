"""Searching the lists over HTTP: what is found, in which order, and what is shown of it."""

from __future__ import annotations

from typing import Any

import pytest

from noren_kit.testing.answers import assert_error
from noren_kit.testing.shops import Shop
from store import API, Store


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


def skus(store: Store, search: str, **parameters: Any) -> list[str]:
    found = store.get("products/", search=search, page_size=100, **parameters)
    return [row["sku"] for row in found["results"]]


@pytest.fixture
def goods(store: Store) -> Store:
    category = store.category()["id"]
    for sku, name, description in (
        ("85123A", "WHITE HANGING HEART T-LIGHT HOLDER", ""),
        ("22469", "Heart of wicker", "small"),
        ("22470", "Sweetheart pillow", ""),
        ("21733", "T-Light, red", "With a heart on it."),
        ("JP-01", "ハートの茶碗", "日本の職人が作る"),
        ("JP-02", "ﾊｰﾄ ﾃﾞﾆﾑ", ""),
        ("JP-03", "南部鉄器の急須", "伝統的な日本製"),
        ("CAF-1", "Café crème", ""),
        ("FW-1", "ＡＢＣ ware", ""),
        ("LIGHT", "Lamp", ""),
    ):
        store.product(sku=sku, name=name, description=description, category=category)
    return store


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("heart", {"85123A", "22469", "21733"}),
        ("HEART t-light", {"85123A", "21733"}),
        ("t-light heart", {"85123A", "21733"}),
        ("hea hold", {"85123A"}),
        ("ハート", {"JP-01", "JP-02"}),
        ("ﾊｰﾄ", {"JP-01", "JP-02"}),
        ("日本", {"JP-01", "JP-03"}),
        ("急須", {"JP-03"}),
        ("茶", {"JP-01"}),
        ("デニム", {"JP-02"}),
        ("テニム", set()),
        ("85123", {"85123A"}),
        ("85123a", {"85123A"}),
        ("224", {"22469", "22470"}),
        ("jp-0", {"JP-01", "JP-02", "JP-03"}),
        ("JP-03", {"JP-03"}),
        ("cafe", {"CAF-1"}),
        ("CAFÉ CREME", {"CAF-1"}),
        ("abc", {"FW-1"}),
        ("ＡＢＣ", {"FW-1"}),
        ("eart", set()),
        ("heart nothing", set()),
        ("★", set()),
        ("light", {"85123A", "21733", "LIGHT"}),
    ],
)
def test_words(goods: Store, search: str, expected: set[str]) -> None:
    """Whole and begun, in any case, accent and width, of any field."""
    found = skus(goods, search)
    assert set(found) == expected
    assert len(found) == len(expected), "no row stands twice"
    assert goods.get("products/", search=search)["count"] == len(expected)


def test_the_best_come_first(store: Store) -> None:
    category = store.category()["id"]
    for sku, name, description in (
        ("X1", "Nothing", "a heart in the text"),
        ("X2", "Heart in the name", ""),
        ("HEART-2", "Nothing", ""),
        ("HEART", "Nothing", ""),
        ("X3", "Newer heart", "heart"),
        ("X4", "Nothing", "newer heart"),
    ):
        store.product(sku=sku, name=name, description=description, category=category)
    best = ["HEART", "HEART-2", "X3", "X2", "X4", "X1"]
    assert skus(store, "heart") == best
    assert skus(store, "Heart", ordering="created_at") == [
        "X1",
        "X2",
        "HEART-2",
        "HEART",
        "X3",
        "X4",
    ]
    paged: list[str] = []
    page = store.get("products/", search="heart", cursor="", page_size=2)
    while page["results"]:
        paged += [row["sku"] for row in page["results"]]
        if not page["next"]:
            break
        page = store.client.get(page["next"]).json()
    assert paged == best
    assert "relevance" not in page["results"][0]


def test_words_may_stand_in_different_fields(store: Store) -> None:
    store.product(sku="S-9", name="Kettle", description="from Sakai")
    assert skus(store, "kettle sakai s-9") == ["S-9"]
    assert skus(store, "kettle osaka") == []


def test_search_goes_with_filters(goods: Store) -> None:
    other = goods.category()["id"]
    goods.product(sku="OTHER", name="heart", category=other, tags=["x", "y"])
    assert skus(goods, "heart", category=other) == ["OTHER"]
    assert skus(goods, "heart", tags="x,y", availability_status="in_stock") == ["OTHER"]
    assert skus(goods, "heart", price_min="101") == []


def test_what_is_refused(store: Store) -> None:
    for text in ("w " * 3_000, "a " * 11, "x" * 201):
        response = store.client.get(f"{API}products/", {"search": text})
        assert set(assert_error(response, 400)) == {"search"}
    for parameters in ({"highlight": "true"}, {"search": "x", "highlight": "1"}):
        response = store.client.get(f"{API}products/", parameters)
        assert set(assert_error(response, 400)) == {"highlight"}
    product = store.product()
    response = store.client.get(f"{API}products/{product['id']}/", {"highlight": "true"})
    assert set(assert_error(response, 400)) == {"highlight"}


@pytest.mark.parametrize(
    "text",
    [
        "'",
        "%",
        "_",
        "\\",
        "a%b",
        "--",
        "();",
        "\ufdfa" * 60,
        "あ" * 200,
        "a-" * 100,
        "é" * 200,
        "\U0010ffff",
        "\u3099",
        "x" * 200,
        "ｶﾞ" * 100,
        "a\u0301" * 100,
    ],
)
def test_odd_texts_find_nothing_and_break_nothing(store: Store, text: str) -> None:
    store.product(name="Tea", sku="TEA")
    assert skus(store, text) == []
    assert store.get("products/", search=text, highlight="true", cursor="")["results"] == []


def test_many_parts_must_all_be_there(store: Store) -> None:
    """More than have a condition of their own each."""
    text = "春夏秋冬東西南北上下左右前後大小高低"
    category = store.category()["id"]
    store.product(sku="ALL", name=text, category=category)
    store.product(sku="PART", name=text[:-2], category=category)
    assert skus(store, text) == ["ALL"]
    assert skus(store, text[:-2]) == ["PART", "ALL"]


def test_highlights(goods: Store) -> None:
    found = goods.get("products/", search="HEART t-light", highlight="true")["results"]
    assert {row["sku"]: row["highlights"] for row in found} == {
        "85123A": {"name": "WHITE HANGING <em>HEART</em> <em>T</em>-<em>LIGHT</em> HOLDER"},
        "21733": {
            "name": "<em>T</em>-<em>Light</em>, red",
            "description": "With a <em>heart</em> on it.",
        },
    }
    plain = goods.get("products/", search="heart", highlight="false")["results"]
    assert "highlights" not in plain[0]
    sparse = goods.get("products/", search="85123a", highlight="true", fields="id")["results"]
    assert [row["highlights"] for row in sparse] == [{"sku": "<em>85123A</em>"}]
    assert set(sparse[0]) == {"id", "highlights"}


def test_a_deleted_product_is_found_no_more(goods: Store) -> None:
    [row] = goods.get("products/", search="crème")["results"]
    assert goods.client.delete(f"{API}products/{row['id']}/").status_code == 204
    assert skus(goods, "crème") == []
    goods.product(sku="CAF-1", name="Crème")
    assert skus(goods, "creme") == ["CAF-1"]


def test_other_tenants_are_not_searched(goods: Store, neighbour: Shop) -> None:
    assert skus(Store(neighbour), "heart") == []


def test_orders_and_customers(store: Store) -> None:
    customer = store.customer(name="Éva Nagy", email="eva@example.com", company="Kávé Kft")
    other = store.customer(name="山田太郎", email="taro@example.jp")
    product = store.product()
    orders = [
        store.post(
            "orders/",
            {"customer": each["id"], "items": [{"product_id": product["id"], "quantity": 1}]},
        )
        for each in (customer, other)
    ]
    for search, expected in (
        ("eva", 0),
        ("NAGY", 0),
        ("kave", 0),
        ("eva@example.com", 0),
        ("山田", 1),
        ("太郎", 1),
        ("taro", 1),
    ):
        found = store.get("customers/", search=search)["results"]
        assert [row["id"] for row in found] == [(customer, other)[expected]["id"]], search
    first, second = (order["order_number"] for order in orders)
    assert first != second
    for search, expected in ((first, 0), (second, 1), ("nagy", 0), ("山田太郎", 1)):
        found = store.get("orders/", search=search)["results"]
        assert [row["id"] for row in found] == [orders[expected]["id"]], search
    assert store.get("orders/", search=first[:8])["count"] == 2

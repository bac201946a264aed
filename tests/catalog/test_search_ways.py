"""Each way to a search's rows finds the same ones in the same order, pages and cursors alike."""

from __future__ import annotations

import random
from itertools import chain
from typing import Any

import pytest

from noren_kit.search import choosing, courses, narrowing
from noren_kit.testing.shops import Shop
from store import Store

WORDS = ("tea", "teapot", "teak", "pot", "potter", "jar", "南部鉄器", "茶碗")
SEARCHES = ("tea", "te", "tea pot", "jar te", "南部", "te-1", "te-10")


@pytest.fixture
def store(shop: Shop) -> Store:
    """Seventy products whose words are drawn, the same at every run."""
    store, draw = Store(shop), random.Random(4)
    category = store.category()["id"]
    rows = [
        {
            "sku": f"te-{number}" if number % 3 else f"X{number}",
            "name": " ".join(draw.sample(WORDS, draw.randint(1, 3))),
            "description": " ".join(draw.sample(WORDS, draw.randint(0, 3))),
            "price": "100",
            "category": category,
            "stock_quantity": draw.choice((0, 5, 5)),
        }
        for number in range(70)
    ]
    made = store.client.post("/api/v1/products/bulk/", rows)
    assert made.status_code < 300, made.json()
    return store


def numbered(store: Store, **query: Any) -> list[str]:
    found: list[str] = []
    page: dict[str, Any] = {"page_info": {"has_next": True}}
    number = 0
    while page["page_info"]["has_next"]:
        number += 1
        page = store.get("products/", page=number, page_size=15, **query)
        found += [row["sku"] for row in page["results"]]
        info = page["page_info"]
        if "count_is_minimum" in info:
            assert info["has_next"]
            assert page["count"] >= number * 15
    assert page["count"] == len(found), "the last page knows how many there are"
    return found


def walked(store: Store, **query: Any) -> list[str]:
    """All pages forwards; and the same again backwards from the last."""
    pages, page = [], store.get("products/", cursor="", page_size=15, **query)
    pages.append([row["sku"] for row in page["results"]])
    while page["next"]:
        page = store.client.get(page["next"]).json()
        pages.append([row["sku"] for row in page["results"]])
    back = [pages[-1]]
    while page["previous"]:
        page = store.client.get(page["previous"]).json()
        back.insert(0, [row["sku"] for row in page["results"]])
    assert [*chain(*back)] == [*chain(*pages)]
    return [*chain(*pages)]


# Constants that make seventy rows many, and the ways that follow from them.
LIMITS: dict[str, dict[str, int]] = {
    "follow": {"FEW_ROWS": 1_000},
    "follow what is frequent": {"FEW_ROWS": 20, "FREQUENT": 1, "LOOKED_AT": 5, "COUNTED": 3},
    "collect": {"FEW_WORDS": 0},
    "walk": {"FEW_ROWS": 0, "FEW_WORDS": 0, "FREQUENT": 0, "LOOKED_AT": 5},
}


def _set(monkeypatch: pytest.MonkeyPatch, limits: dict[str, int]) -> None:
    for name, value in limits.items():
        for module in (courses, choosing, narrowing):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)


def test_all_ways_find_the_same(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    filters = {"availability_status": "out_of_stock"}
    queries: list[dict[str, str]] = [{"search": text} for text in SEARCHES]
    queries += [{**query, **filters} for query in queries[:4]]
    queries += [{**query, "ordering": "name"} for query in queries[:3]]
    expected: list[list[str]] = []
    for way, limits in LIMITS.items():
        with monkeypatch.context() as patched:
            _set(patched, limits)
            for at, query in enumerate(queries):
                found = walked(store, **query)
                if not expected[at:]:
                    expected.append(found)
                if way == "walk" and "ordering" not in query:
                    # Not ranked but for the code itself: the newest first.
                    assert sorted(found) == sorted(expected[at])
                elif way != "follow what is frequent" or "te" not in query["search"]:
                    assert found == expected[at], (way, query)
                else:
                    assert sorted(found) == sorted(expected[at]), (way, query)
                assert numbered(store, **query) == found, (way, query)
    assert any(len(each) > 14 for each in expected)


def test_the_code_itself_is_first_where_too_much_begins_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    _set(monkeypatch, LIMITS["walk"])
    assert walked(store, search="te-1")[0] == "te-1"
    assert numbered(store, search="te-1")[0] == "te-1"

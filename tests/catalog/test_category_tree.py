"""The tree of categories: descendants in filters, no loops, rates that are inherited."""

from __future__ import annotations

import pytest

from noren_kit.testing.answers import assert_error
from noren_kit.testing.shops import Shop
from store import API, Store


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


def test_filter_takes_the_whole_branch(store: Store) -> None:
    root = store.category("Root")["id"]
    left = store.category("Left", parent=root)["id"]
    right = store.category("Right", parent=root)["id"]
    leaf = store.category("Leaf", parent=left)["id"]
    for name, category in (("root", root), ("left", left), ("right", right), ("leaf", leaf)):
        store.product(sku=name, category=category)

    def found(category: str) -> set[str]:
        return {row["sku"] for row in store.get("products/", category=category)["results"]}

    assert found(root) == {"root", "left", "right", "leaf"}
    assert found(left) == {"left", "leaf"}
    assert found(leaf) == {"leaf"}
    store.patch(f"categories/{left}/", {"parent": right})
    assert found(right) == {"right", "left", "leaf"}
    store.patch(f"categories/{left}/", {"parent": None})
    assert found(root) == {"root", "right"}


def test_children_are_listed_by_their_parent(store: Store) -> None:
    root = store.category("Root")["id"]
    child = store.category("Child", parent=root)
    store.category("Grandchild", parent=child["id"])
    rows = store.get("categories/", parent=root)["results"]
    assert [row["id"] for row in rows] == [child["id"]]


def test_no_category_stands_below_itself(store: Store) -> None:
    first = store.category("1")
    second = store.category("2", parent=first["id"])
    third = store.category("3", parent=second["id"])
    for parent in (first, second, third):
        url = f"{API}categories/{first['id']}/"
        for response in (
            store.client.patch(url, {"parent": parent["id"]}),
            store.client.put(url, {"name": "1", "parent": parent["id"]}),
        ):
            details = assert_error(response, 400)
            assert [fault["code"] for fault in details["parent"]] == ["loop"]
    assert store.get(f"categories/{first['id']}/") == first


def test_names_are_unique_among_siblings(store: Store) -> None:
    root = store.category("Tea")["id"]
    store.category("Tea", parent=root)
    for body in ({"name": "Tea"}, {"name": "Tea", "parent": root}):
        details = assert_error(store.client.post(f"{API}categories/", body), 409, "duplicate")
        assert "name" in details


def test_a_rate_is_the_parents_or_the_tenants(store: Store) -> None:
    assert store.category("Standard")["tax_rate"] == "10.00"
    food = store.category("Food", tax_rate="8")
    assert food["tax_rate"] == "8.00"
    tea = store.category("Tea", parent=food["id"])
    assert tea["tax_rate"] == "8.00"
    assert store.category("Sake", parent=food["id"], tax_rate="10")["tax_rate"] == "10.00"
    store.patch(f"categories/{food['id']}/", {"tax_rate": "9"})
    assert store.get(f"categories/{tea['id']}/")["tax_rate"] == "8.00", "copied, not linked"
    for rate in ("-1", "100.01", "1.234", "x"):
        body = {"name": "x", "tax_rate": rate}
        details = assert_error(store.client.post(f"{API}categories/", body), 400)
        assert set(details) == {"tax_rate"}


def test_a_branch_is_not_deleted_with_what_stands_on_it(store: Store) -> None:
    root = store.category("Root")
    child = store.category("Child", parent=root["id"])
    details = assert_error(store.client.delete(f"{API}categories/{root['id']}/"), 409, "in_use")
    assert details == {"used_by": ["category"]}
    assert store.client.delete(f"{API}categories/{child['id']}/").status_code == 204
    assert store.client.delete(f"{API}categories/{root['id']}/").status_code == 204

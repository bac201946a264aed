"""The bin beyond the contract of every resource: what goes along, races, and the purge."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from noren.catalog.models import Product, Review, Tag, Variant
from noren_kit.core.errors import NotFound
from noren_kit.softdelete.deleting import soft_delete
from noren_kit.softdelete.purging import purge
from noren_kit.softdelete.restoring import restore
from noren_kit.testing.answers import assert_error
from noren_kit.testing.races import race
from noren_kit.testing.shops import Shop
from store import API, Store


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


def bring_back(store: Store, path: str) -> Any:
    return store.client.post(f"{API}{path}restore/")


def age(shop: Shop, model: Any, days: int) -> None:
    """Put what is in the bin there so many days earlier."""
    with shop.entered():
        model.every.exclude(deleted_at=None).update(
            deleted_at=timezone.now() - dt.timedelta(days=days)
        )


class TestParts:
    def test_what_went_along_comes_back_and_nothing_else(self, store: Store) -> None:
        product = store.product()
        path = f"products/{product['id']}/"
        kept, gone = store.variant(product), store.variant(product)
        review = store.post(f"{path}reviews/", {"rating": 4})
        store.post(f"{path}reviews/{review['id']}/approve/", None, 200)
        before = store.get(path)
        assert store.client.delete(f"{API}{path}variants/{gone['id']}/").status_code == 204
        assert store.client.delete(API + path).status_code == 204
        assert bring_back(store, path).status_code == 200
        after = store.get(path)
        assert [each["id"] for each in after["active_variants"]] == [kept["id"]]
        for name in ("review_count", "average_rating", "recent_reviews", "sku", "tags"):
            assert after[name] == before[name]
        assert bring_back(store, f"{path}variants/{gone['id']}/").status_code == 200
        assert len(store.get(path)["active_variants"]) == 2

    def test_a_review_is_counted_again(self, store: Store) -> None:
        product = store.product()
        path = f"products/{product['id']}/"
        review = store.post(f"{path}reviews/", {"rating": 4})
        store.post(f"{path}reviews/{review['id']}/approve/", None, 200)
        for number, send in ((0, store.client.delete), (1, None)):
            url = f"{path}reviews/{review['id']}/"
            done = send(API + url) if send else bring_back(store, url)
            assert done.status_code in (200, 204)
            assert store.get(path)["review_count"] == number

    def test_a_tag_comes_back_to_its_products(self, store: Store) -> None:
        product = store.product(tags=["x", "y"])
        tag = store.get("tags/", search="x")["results"][0]
        store.client.delete(f"{API}tags/{tag['id']}/")
        assert store.get(f"products/{product['id']}/")["tags"] == ["y"]
        assert bring_back(store, f"tags/{tag['id']}/").status_code == 200
        assert sorted(store.get(f"products/{product['id']}/")["tags"]) == ["x", "y"]

    def test_what_it_refers_to_must_be_there(self, store: Store) -> None:
        category = store.category()
        product = store.product(category=category["id"])
        for path in (f"products/{product['id']}/", f"categories/{category['id']}/"):
            assert store.client.delete(API + path).status_code == 204
        refused = bring_back(store, f"products/{product['id']}/")
        assert set(assert_error(refused, 409, "refers_to_deleted")) == {"category"}
        assert bring_back(store, f"categories/{category['id']}/").status_code == 200
        assert bring_back(store, f"products/{product['id']}/").status_code == 200

    def test_search_and_counts_follow_at_once(self, store: Store) -> None:
        product = store.product(name="Gyokuro")
        for _again in range(2):
            assert store.get("products/", search="gyokuro")["count"] == 1
            assert store.get("products/statistics/")["total_products"] == 1
            assert store.client.delete(f"{API}products/{product['id']}/").status_code == 204
            assert store.get("products/", search="gyokuro")["count"] == 0
            assert store.get("products/")["count"] == 0
            assert store.get("products/statistics/")["total_products"] == 0
            assert bring_back(store, f"products/{product['id']}/").status_code == 200


class TestRaces:
    def test_of_those_who_restore_one_wins(self, store: Store, shop: Shop) -> None:
        product = store.product()
        store.client.delete(f"{API}products/{product['id']}/")
        with shop.entered():
            row = Product.every.get(id=product["id"])
        ended = race(4, shop.entered, lambda: restore(row))
        assert sorted(type(each).__name__ for each in ended) == ["NoneType", *["NotFound"] * 3]

    def test_delete_against_restore(self, store: Store, shop: Shop) -> None:
        product = store.product()
        store.variant(product)
        with shop.entered():
            row = Product.every.get(id=product["id"])
        for _round in range(3):
            acts = iter([soft_delete, restore] * 2)
            ended = race(4, shop.entered, lambda acts=acts: next(acts)(row))
            assert all(each is None or isinstance(each, NotFound) for each in ended), ended
            with shop.entered():
                live = Product.objects.filter(id=row.id).exists()
                assert Variant.objects.filter(product=row).exists() is live


class TestPurge:
    def test_what_is_overdue_and_free_is_removed(self, store: Store, shop: Shop) -> None:
        product = store.product(tags=["x"])
        store.variant(product)
        store.post(f"products/{product['id']}/reviews/", {"rating": 4})
        store.client.delete(f"{API}products/{product['id']}/")
        with shop.entered():
            assert purge() == 0, "too early"
        for model in (Product, Variant, Review):
            age(shop, model, 29)
        with shop.entered():
            assert purge() == 0, "not yet"
        for model in (Product, Variant, Review):
            age(shop, model, 31)
        with shop.entered():
            assert purge() == 3
            assert [each.every.count() for each in (Product, Variant, Review)] == [0, 0, 0]
            assert Tag.objects.count() == 1
        assert_error(bring_back(store, f"products/{product['id']}/"), 404)

    def test_what_an_order_names_stays(self, store: Store, shop: Shop) -> None:
        product = store.product(stock_quantity=5, status="active")
        order = store.order((product, 1))
        store.client.delete(f"{API}products/{product['id']}/")
        age(shop, Product, 400)
        with shop.entered():
            assert purge() == 0
        assert store.get(f"orders/{order['id']}/") == order
        assert bring_back(store, f"products/{product['id']}/").status_code == 200

    def test_by_the_tenants_own_retention(self, store: Store, shop: Shop) -> None:
        response = store.client.patch(f"{API}settings/", {"bin_retention_days": 1})
        assert response.json()["bin_retention_days"] == 1
        for value in (0, 3_651, "30", None):
            refused = store.client.patch(f"{API}settings/", {"bin_retention_days": value})
            assert set(assert_error(refused, 400)) == {"bin_retention_days"}
        tags = [store.post("tags/", {"name": f"t{number}"}) for number in range(3)]
        for tag in tags:
            store.client.delete(f"{API}tags/{tag['id']}/")
        age(shop, Tag, 2)
        with shop.entered():
            assert [purge(batch=2), purge(batch=2), purge(batch=2)] == [2, 1, 0]

    def test_another_tenants_bin_is_left_alone(
        self, store: Store, shop: Shop, neighbour: Shop
    ) -> None:
        other = Store(neighbour)
        tag = other.post("tags/", {"name": "x"})
        other.client.delete(f"{API}tags/{tag['id']}/")
        age(neighbour, Tag, 400)
        with shop.entered():
            assert purge() == 0
        with neighbour.entered():
            assert purge() == 1

"""Reviews: one for each member and product, seen once approved, counted exactly."""

from __future__ import annotations

import itertools
import random
import threading
from typing import Any

import pytest
from django.db import IntegrityError

from noren.catalog.models import Product, Review
from noren.catalog.queries import find_rating_differences
from noren.catalog.services import create_review, delete_review, moderate_review, update_review
from noren_kit.core.errors import NotFound
from noren_kit.testing.answers import assert_error
from noren_kit.testing.contract import ResourceContract
from noren_kit.testing.races import race
from noren_kit.testing.shops import Client, Shop
from store import API, Store, new_product

BUYER = [f"catalog.{verb}_own_review" for verb in ("add", "change", "delete")]
BUYER += ["catalog.view_review", "catalog.view_product"]


class TestReview(ResourceContract):
    """Rows are made by members of their own, and approved, so that all may see them."""

    path = "products/<product>/reviews"
    create = {"rating": 5, "title": "Fine tea", "comment": "I drink it every day."}
    update = {"rating": 3, "comment": "No longer."}
    follows = ("status",)
    rows_have_owners = True
    most_new = 1

    @pytest.fixture(autouse=True)
    def in_shop(self, shop: Shop) -> None:
        self.shop = shop

    def parent(self, client: Client) -> str:
        return new_product(client)

    def distinct(self, number: int) -> dict[str, Any]:
        return {"title": f"Review {number}"}

    def make(self, client: Client, body: dict[str, Any]) -> dict[str, Any]:
        response = client.post(self.url, body)
        if response.status_code == 409:
            author = self.shop.hire(f"member-{len(self.shop.users)}", BUYER)
            response = author.post(self.url, body)
        assert response.status_code == 201, response.json()
        made = response.json()
        moderator = (
            client
            if client.post(f"{self.row_url(made)}approve/").status_code == 200
            else (self.shop.client())
        )
        approved = moderator.post(f"{self.row_url(made)}approve/")
        assert approved.status_code == 200, approved.json()
        shown: dict[str, Any] = approved.json()
        return shown


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


@pytest.fixture
def product(store: Store) -> dict[str, Any]:
    return store.product()


def reviews(product: dict[str, Any], review: dict[str, Any] | None = None) -> str:
    return f"{API}products/{product['id']}/reviews/" + (f"{review['id']}/" if review else "")


def write(client: Client, product: dict[str, Any], rating: int = 4, **more: Any) -> dict[str, Any]:
    response = client.post(reviews(product), {"rating": rating, **more})
    assert response.status_code == 201, response.json()
    made: dict[str, Any] = response.json()
    return made


def counters(store: Store, product: dict[str, Any]) -> tuple[int, str]:
    shown = store.get(f"products/{product['id']}/")
    return shown["review_count"], shown["average_rating"]


class TestAuthors:
    def test_one_for_each_member_and_product(
        self, store: Store, shop: Shop, product: dict[str, Any]
    ) -> None:
        staff = shop.client("staff")
        review = write(staff, product)
        person = shop.users["staff"]
        assert review["reviewer"] == {"id": str(person.id), "name": person.display_name}
        assert review["reviewer_name"] == person.display_name
        assert review["status"] == "pending"
        assert_error(staff.post(reviews(product), {"rating": 1}), 409, "duplicate")
        write(shop.client("manager"), product)
        write(staff, store.product())
        assert shop.client("owner").delete(reviews(product, review)).status_code == 204
        write(staff, product)

    def test_what_is_not_theirs_to_say(self, shop: Shop, product: dict[str, Any]) -> None:
        staff = shop.client("staff")
        for name, value in (("status", "approved"), ("reviewer", None), ("product", None)):
            response = staff.post(reviews(product), {"rating": 5, name: value})
            assert set(assert_error(response, 400)) == {name}
        for rating in (0, 6, -1, "5", 4.5, None, True):
            response = staff.post(reviews(product), {"rating": rating})
            assert set(assert_error(response, 400)) == {"rating"}

    def test_they_change_their_own_only(self, shop: Shop, product: dict[str, Any]) -> None:
        review = write(shop.client("staff"), product)
        owner = shop.client("owner")
        owner.post(f"{reviews(product, review)}approve/")
        buyer = shop.hire("buyer", BUYER)
        for client in (owner, shop.client("manager"), buyer):
            assert_error(client.patch(reviews(product, review), {"rating": 1}), 403)
        assert_error(buyer.delete(reviews(product, review)), 403)
        own = write(buyer, product)
        assert buyer.patch(reviews(product, own), {"rating": 1}).status_code == 200
        assert buyer.delete(reviews(product, own)).status_code == 204
        assert owner.delete(reviews(product, review)).status_code == 204

    def test_their_edit_waits_for_a_moderator_again(
        self, store: Store, shop: Shop, product: dict[str, Any]
    ) -> None:
        staff, owner = shop.client("staff"), shop.client("owner")
        review = write(staff, product, 5)
        owner.post(f"{reviews(product, review)}approve/")
        assert counters(store, product) == (1, "5.00")
        assert staff.patch(reviews(product, review), {"rating": 1}).json()["status"] == "pending"
        assert counters(store, product) == (0, "0.00")
        own = write(owner, product, 2)
        owner.post(f"{reviews(product, own)}approve/")
        assert owner.patch(reviews(product, own), {"rating": 3}).json()["status"] == "approved"
        assert counters(store, product) == (1, "3.00")

    def test_a_role_without_the_right_adds_none(self, shop: Shop, product: dict[str, Any]) -> None:
        for client in (shop.client("viewer"), shop.hire("reader", ["catalog.view_review"])):
            assert_error(client.post(reviews(product), {"rating": 5}), 403)

    def test_of_many_at_once_one_is_kept(
        self, store: Store, shop: Shop, product: dict[str, Any]
    ) -> None:
        with shop.entered():
            reviewed = Product.objects.get(id=product["id"])
        ended = race(
            12, shop.entered, lambda: create_review(product=reviewed, values={"rating": 5})
        )
        assert sum(isinstance(each, Review) for each in ended) == 1, ended
        assert sum(isinstance(each, IntegrityError) for each in ended) == 11, ended


class TestModeration:
    def test_who_sees_what(self, store: Store, shop: Shop, product: dict[str, Any]) -> None:
        staff, buyer, owner = shop.client("staff"), shop.hire("buyer", BUYER), shop.client()
        pending, rejected = write(staff, product), write(buyer, product)
        approved = write(shop.client("manager"), product)
        owner.post(f"{reviews(product, rejected)}reject/")
        owner.post(f"{reviews(product, approved)}approve/")

        def seen(client: Client) -> set[str]:
            return {row["id"] for row in client.get(reviews(product)).json()["results"]}

        every = {pending["id"], rejected["id"], approved["id"]}
        assert seen(owner) == seen(shop.client("manager")) == every
        assert seen(staff) == {pending["id"], approved["id"]}
        assert seen(buyer) == {rejected["id"], approved["id"]}
        assert seen(shop.client("viewer")) == {approved["id"]}
        assert_error(buyer.get(reviews(product, pending)), 404)
        assert_error(buyer.patch(reviews(product, pending), {"rating": 1}), 404)
        assert_error(buyer.delete(reviews(product, pending)), 404)
        assert buyer.get(reviews(product, rejected)).json()["status"] == "rejected"

    def test_who_may(self, shop: Shop, product: dict[str, Any]) -> None:
        review = write(shop.client("staff"), product)
        for action in ("approve", "reject"):
            url = f"{reviews(product, review)}{action}/"
            for client in (shop.client("staff"), shop.client("viewer"), shop.hire(action, BUYER)):
                assert_error(client.post(url), 403, "permission_denied")
            assert set(assert_error(shop.client().post(url, {"why": "x"}), 400)) == {"why"}
        moderator = shop.hire("moderator", ["catalog.manage_review", "catalog.view_review"])
        assert moderator.post(f"{reviews(product, review)}approve/").json()["status"] == "approved"
        assert_error(moderator.delete(reviews(product, review)), 403)

    def test_filters(self, shop: Shop, product: dict[str, Any]) -> None:
        owner = shop.client()
        first = write(owner, product, 5)
        second = write(shop.client("staff"), product, 1)
        owner.post(f"{reviews(product, second)}reject/")
        for query, expected in (
            ("status=pending", {first["id"]}),
            ("status=rejected", {second["id"]}),
            ("rating=1", {second["id"]}),
            ("rating=5&status=rejected", set()),
        ):
            rows = owner.get(f"{reviews(product)}?{query}").json()["results"]
            assert {row["id"] for row in rows} == expected, query
        for query in ("status=shown", "rating=6", "rating=x"):
            assert_error(owner.get(f"{reviews(product)}?{query}"), 400)


class TestCounters:
    def test_approved_ones_count(self, store: Store, shop: Shop, product: dict[str, Any]) -> None:
        owner, rows = shop.client(), []
        for rating, role in ((5, "staff"), (4, "manager"), (4, "owner")):
            rows.append(write(shop.client(role), product, rating))
        assert counters(store, product) == (0, "0.00")
        expected = [(1, "5.00"), (2, "4.50"), (3, "4.33")]
        for row, shown in zip(rows, expected, strict=True):
            for _again in range(2):
                owner.post(f"{reviews(product, row)}approve/")
                assert counters(store, product) == shown
        owner.post(f"{reviews(product, rows[0])}reject/")
        assert counters(store, product) == (2, "4.00")
        owner.delete(reviews(product, rows[1]))
        owner.delete(reviews(product, rows[0]))
        assert counters(store, product) == (1, "4.00")

    def test_halves_are_rounded_up(self, store: Store, shop: Shop) -> None:
        """5, 4, 4, 4, 4, 4, 4, 4 have the mean 4.125."""
        product, owner = store.product(), shop.client()
        for number, rating in enumerate((5, 4, 4, 4, 4, 4, 4, 4)):
            author = shop.hire(f"buyer-{number}", BUYER)
            owner.post(f"{reviews(product, write(author, product, rating))}approve/")
        assert counters(store, product) == (8, "4.13")

    def test_they_are_no_change_of_the_product(
        self, store: Store, shop: Shop, product: dict[str, Any]
    ) -> None:
        review = write(shop.client("staff"), product)
        store.client.post(f"{reviews(product, review)}approve/")
        shown = store.get(f"products/{product['id']}/")
        assert shown["review_count"] == 1
        changed = {name for name in product if shown[name] != product[name]}
        assert changed == {"review_count", "average_rating", "recent_reviews"}

    def test_many_writers_at_once(self, store: Store, shop: Shop, product: dict[str, Any]) -> None:
        """Approvals, rejections, edits and deletions, each review several times over."""
        with shop.entered():
            reviewed = Product.objects.get(id=product["id"])
            rows = [
                Review.objects.create(product=reviewed, rating=1 + at % 5, reviewer_name="x")
                for at in range(8)
            ]
        seeds, lock = itertools.count(), threading.Lock()

        def work() -> None:
            with lock:
                chance = random.Random(next(seeds))
            review = chance.choice(rows)
            act = chance.randrange(4)
            if act == 0:
                delete_review(review=review)
            elif act == 1:
                update_review(review=review, values={"rating": chance.randint(1, 5)})
            else:
                moderate_review(review=review, status=("approved", "rejected")[act == 3])

        for _round in range(6):
            ended = race(16, shop.entered, work)
            assert all(each is None or isinstance(each, NotFound) for each in ended), ended
            with shop.entered():
                assert list(find_rating_differences()) == []

    def test_many_approvals_at_once(
        self, store: Store, shop: Shop, product: dict[str, Any]
    ) -> None:
        with shop.entered():
            reviewed = Product.objects.get(id=product["id"])
        numbers = itertools.count(1)

        def work() -> None:
            review = create_review(product=reviewed, values={"rating": next(numbers) % 5 + 1})
            moderate_review(review=review, status="approved")

        people = [shop.hire(f"buyer-{at}", BUYER) and f"buyer-{at}" for at in range(16)]
        turns = iter(people)
        ended = race(16, lambda: shop.entered(next(turns)), work)
        assert ended == [None] * 16
        assert counters(store, product)[0] == 16
        with shop.entered():
            assert list(find_rating_differences()) == []

    def test_a_difference_is_found(self, shop: Shop, product: dict[str, Any]) -> None:
        with shop.entered():
            Product.objects.filter(id=product["id"]).update(review_count=3)
            [fault] = find_rating_differences()
        assert (fault["product_id"], fault["review_count"]) == (product["id"], 3)
        assert fault["approved_reviews"] == 0


class TestInProducts:
    def test_the_five_newest_approved(
        self, store: Store, shop: Shop, product: dict[str, Any]
    ) -> None:
        owner, made = shop.client(), []
        for number in range(7):
            author = shop.hire(f"buyer-{number}", BUYER)
            made.append(write(author, product, title=f"Review {number}"))
            action = "reject" if number == 5 else "approve"
            owner.post(f"{reviews(product, made[-1])}{action}/")
        write(shop.client("staff"), product)
        shown = store.get(f"products/{product['id']}/")["recent_reviews"]
        assert [row["id"] for row in shown] == [made[at]["id"] for at in (6, 4, 3, 2, 1)]
        assert shown[0] == {
            "id": made[6]["id"],
            "reviewer_name": "buyer-6",
            "rating": 4,
            "title": "Review 6",
            "comment": "",
            "created_at": made[6]["created_at"],
        }

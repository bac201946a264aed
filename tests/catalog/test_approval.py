"""What requires approval: seen by all who may view, written by those who may approve."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import connection, connections

from noren.catalog.models import Product, Tag
from noren.inventory.models import StockItem
from noren_kit.testing.answers import assert_error
from noren_kit.testing.shops import Client, Shop
from store import API, Store

CODE = "approval_required"


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


@pytest.fixture
def bound(store: Store) -> dict[str, Any]:
    return store.category(name="Spirits", requires_approval=True)


def product_url(product: dict[str, Any]) -> str:
    return f"{API}products/{product['id']}/"


def category_url(category: dict[str, Any]) -> str:
    return f"{API}categories/{category['id']}/"


class TestProducts:
    def test_they_are_seen_by_all(self, store: Store, shop: Shop, bound: dict[str, Any]) -> None:
        inside, outside = store.product(category=bound["id"]), store.product()
        for role in ("viewer", "staff"):
            client = shop.client(role)
            rows = client.get(f"{API}products/").json()["results"]
            assert {row["id"] for row in rows} == {inside["id"], outside["id"]}
            for path in ("", "check_stock/", "stock_movements/"):
                assert client.get(f"{product_url(inside)}{path}").status_code == 200

    def test_their_stock_is_not_adjusted_by_staff(
        self, store: Store, shop: Shop, bound: dict[str, Any]
    ) -> None:
        inside, outside = store.product(category=bound["id"]), store.product()
        body = {"delta": 1, "reason": "found"}
        staff, manager = shop.client("staff"), shop.client("manager")
        assert_error(staff.post(f"{product_url(inside)}adjust_stock/", body), 403, CODE)
        assert store.stock(inside) == 100
        assert staff.post(f"{product_url(outside)}adjust_stock/", body).status_code == 200
        assert manager.post(f"{product_url(inside)}adjust_stock/", body).status_code == 200
        store.client.delete(product_url(inside))
        gone = staff.post(f"{product_url(inside)}adjust_stock/", body)
        assert_error(gone, 404, "not_found")

    def test_what_is_refused_leaves_nothing(
        self, store: Store, shop: Shop, bound: dict[str, Any]
    ) -> None:
        """The row is looked at after it was written; all that came with it goes again."""
        outside = store.product(tags=["old"])
        staff = shop.client("staff")
        body = {"name": "x", "sku": "x", "price": "1", "category": bound["id"]}
        body |= {"tags": ["new"], "stock_quantity": 5}
        assert_error(staff.post(f"{API}products/", body), 403, CODE)
        moved = {"category": bound["id"], "name": "moved", "tags": ["new"]}
        assert_error(staff.patch(product_url(outside), moved), 403, CODE)
        assert store.get(f"products/{outside['id']}/") == outside
        with shop.entered():
            assert set(Tag.objects.values_list("name", flat=True)) == {"old"}
            assert StockItem.objects.count() == Product.every.count() == 1

    def test_a_role_of_rights_alone(self, store: Store, shop: Shop, bound: dict[str, Any]) -> None:
        """It is the right to approve that counts, and not the role's rank."""
        rights = [f"catalog.{verb}_product" for verb in ("view", "add", "change", "delete")]
        clerk = shop.hire("clerk", rights)
        buyer = shop.hire("approver", [*rights, "catalog.manage_approval"])
        inside, outside = store.product(category=bound["id"]), store.product()
        assert_error(clerk.delete(product_url(inside)), 403, CODE)
        assert_error(clerk.patch(product_url(inside), {"name": "x"}), 403, CODE)
        assert store.get(f"products/{inside['id']}/") == inside
        assert clerk.delete(product_url(outside)).status_code == 204
        assert_error(clerk.delete(product_url(outside)), 404, "not_found")
        assert buyer.patch(product_url(inside), {"name": "x"}).status_code == 200
        assert buyer.delete(product_url(inside)).status_code == 204

    def test_a_product_that_becomes_bound_while_it_is_waited_for(
        self, store: Store, shop: Shop, bound: dict[str, Any]
    ) -> None:
        """Neither does it slip through, nor is it moved out again."""
        free = store.category()
        product = store.product(category=free["id"])
        staff = shop.client("staff")
        answers = []

        def write() -> None:
            answers.append(staff.patch(product_url(product), {"category": free["id"]}))
            connections.close_all()

        waiting = threading.Thread(target=write)
        with shop.entered("manager"):
            Product.objects.filter(id=product["id"]).update(category_id=bound["id"])
            waiting.start()
            _wait_until_blocked()
        waiting.join()
        assert_error(answers[0], 403, CODE)
        assert store.get(f"products/{product['id']}/")["category"] == bound["id"]


def _wait_until_blocked() -> None:
    """Until somebody waits for a lock that this transaction holds."""
    deadline = time.monotonic() + 30
    blocked = "SELECT EXISTS (SELECT FROM pg_locks WHERE pg_backend_pid() = ANY (%s))"
    blocked %= "pg_blocking_pids(pid)"
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(blocked)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise TimeoutError("nobody came to wait")


class TestCategories:
    def clerk(self, shop: Shop) -> Client:
        rights = [f"catalog.{verb}_category" for verb in ("view", "add", "change", "delete")]
        return shop.hire("clerk", rights)

    def test_only_approvers_set_or_lift_it(
        self, store: Store, shop: Shop, bound: dict[str, Any]
    ) -> None:
        free = store.category()
        for client in (shop.client("staff"), self.clerk(shop)):
            for response in (
                client.patch(category_url(bound), {"requires_approval": False}),
                client.patch(category_url(bound), {"name": "x"}),
                client.patch(category_url(free), {"requires_approval": True}),
                client.patch(category_url(free), {"parent": bound["id"]}),
                client.post(f"{API}categories/", {"name": "x", "requires_approval": True}),
                client.post(f"{API}categories/", {"name": "x", "parent": bound["id"]}),
            ):
                assert_error(response, 403, CODE)
            assert client.patch(category_url(free), {"tax_rate": "8.00"}).status_code == 200
        assert store.get(f"categories/{bound['id']}/") == bound
        assert store.get("categories/")["count"] == 2

    def test_only_approvers_delete_it(
        self, store: Store, shop: Shop, bound: dict[str, Any]
    ) -> None:
        free, clerk = store.category(), self.clerk(shop)
        assert_error(clerk.delete(category_url(bound)), 403, CODE)
        assert store.get(f"categories/{bound['id']}/") == bound
        assert clerk.delete(category_url(free)).status_code == 204
        assert shop.client("manager").delete(category_url(bound)).status_code == 204

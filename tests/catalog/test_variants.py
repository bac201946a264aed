"""Variants: part of a product, with a sku, a price and a stock of their own."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from django.core.mail import outbox
from django.db import IntegrityError

from noren.catalog.models import ClaimedSku, Product, Variant
from noren.catalog.services import create_product, create_variant
from noren.inventory.queries import find_differences
from noren_kit.outbox.models import Event
from noren_kit.testing.answers import assert_error
from noren_kit.testing.contract import ResourceContract
from noren_kit.testing.races import race
from noren_kit.testing.shops import Client, Shop
from store import API, Store, new_product


class TestVariant(ResourceContract):
    path = "products/<product>/variants"
    create = {
        "name": "Large",
        "sku": "S1-L",
        "price": "1500",
        "is_active": True,
        "options": {"size": "L"},
        "stock_quantity": 20,
    }
    update = {"name": "Larger", "price": None, "is_active": False, "options": {"size": "XL"}}
    follows = ("effective_price",)
    create_only = ("stock_quantity",)

    def parent(self, client: Client) -> str:
        return new_product(client)


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


class TestSku:
    def test_it_names_one_thing_among_products_and_variants(self, store: Store) -> None:
        first, second = store.product(sku="A"), store.product(sku="B")
        variant = store.variant(first, sku="C")
        body = {"name": "x", "price": "1", "category": first["category"]}
        for product in (first, second):
            for sku in ("A", "B", "C"):
                url = f"{API}products/{product['id']}/variants/"
                response = store.client.post(url, {"name": "x", "sku": sku})
                assert set(assert_error(response, 409, "duplicate")) == {"sku"}
        response = store.client.post(f"{API}products/", {**body, "sku": "C"})
        assert set(assert_error(response, 409, "duplicate")) == {"sku"}
        response = store.client.patch(f"{API}products/{second['id']}/", {"sku": "C"})
        assert set(assert_error(response, 409, "duplicate")) == {"sku"}
        response = store.client.patch(API + variant["path"], {"sku": "B"})
        assert set(assert_error(response, 409, "duplicate")) == {"sku"}
        assert store.patch(variant["path"], {"sku": "C"})["sku"] == "C", "its own stays"

    def test_it_is_free_once_let_go(self, store: Store) -> None:
        product = store.product(sku="A")
        variant = store.variant(product, sku="B")
        store.patch(variant["path"], {"sku": "C"})
        other = store.product(sku="B")
        assert store.client.delete(API + variant["path"]).status_code == 204
        assert store.variant(other, sku="C")["sku"] == "C"
        assert store.client.delete(f"{API}products/{other['id']}/").status_code == 204
        assert store.product(sku="B")["sku"] == "B"
        assert store.product(sku="C")["sku"] == "C", "its variants let go with a product"

    def test_it_is_normalised_as_a_products(self, store: Store) -> None:
        product = store.product(sku=unicodedata.normalize("NFC", "Café"))
        url = f"{API}products/{product['id']}/variants/"
        twin = unicodedata.normalize("NFD", "Café")
        assert_error(store.client.post(url, {"name": "x", "sku": f" {twin} "}), 409, "duplicate")
        assert store.client.post(url, {"name": "x", "sku": "café"}).status_code == 201
        for sku in ("x" * 51, "a\u200bb", "", None):
            assert set(assert_error(store.client.post(url, {"name": "x", "sku": sku}), 400)) == {
                "sku"
            }

    def test_the_same_in_two_shops(self, store: Store, neighbour: Shop) -> None:
        store.variant(store.product(), sku="A")
        assert Store(neighbour).product(sku="A")["sku"] == "A"

    def test_no_way_of_writing_passes_the_claims(self, store: Store, shop: Shop) -> None:
        """Nor statements over many rows: the database itself writes the claims."""
        product = store.product(sku="A")
        store.variant(product, sku="B")
        with shop.entered(), pytest.raises(IntegrityError):
            Product.objects.filter(sku="A").update(sku="B")
        with shop.entered():
            assert set(ClaimedSku.objects.values_list("sku", flat=True)) == {"A", "B"}
            Variant.objects.filter(sku="B").delete()
            assert set(ClaimedSku.objects.values_list("sku", flat=True)) == {"A"}

    def test_of_many_at_once_one_gets_it(self, store: Store, shop: Shop) -> None:
        """Half of them want it for a product, half for a variant of another."""
        with shop.entered():
            parent = Product.objects.get(id=store.product()["id"])
        turns = iter(range(12))

        def make() -> Any:
            if next(turns) % 2:
                return create_variant(product=parent, values={"name": "x", "sku": "X"})
            values = {"name": "x", "sku": "X", "price": 1, "category": parent.category}
            return create_product(values=values)

        ended = race(12, shop.entered, make)
        assert sum(isinstance(each, Product | Variant) for each in ended) == 1, ended
        assert sum(isinstance(each, IntegrityError) for each in ended) == 11, ended


class TestPrice:
    def test_null_is_the_products(self, store: Store) -> None:
        product = store.product(price="1000")
        variant = store.variant(product)
        assert (variant["price"], variant["effective_price"]) == (None, "1000")
        store.patch(f"products/{product['id']}/", {"price": "900"})
        assert store.get(variant["path"])["effective_price"] == "900"
        own = store.patch(variant["path"], {"price": "700"})
        assert (own["price"], own["effective_price"]) == ("700", "700")
        for price in ("0", "-1", "0.5", "100000000", "x", True):
            response = store.client.patch(API + variant["path"], {"price": price})
            assert set(assert_error(response, 400)) == {"price"}

    def test_the_floor_is_half_of_what_one_paid(self, store: Store, shop: Shop) -> None:
        product, staff = store.product(price="1000"), shop.client("staff")
        url = API + store.variant(product)["path"]
        details = assert_error(staff.patch(url, {"price": "499"}), 400)
        assert [fault["code"] for fault in details["price"]] == ["price_floor"]
        assert staff.patch(url, {"price": "2001"}).status_code == 200
        assert_error(staff.patch(url, {"price": None}), 400)
        assert staff.patch(url, {"price": "1001"}).status_code == 200
        assert staff.patch(url, {"price": None}).json()["effective_price"] == "1000"
        assert shop.client("manager").patch(url, {"price": "1"}).json()["price"] == "1"


class TestOptions:
    @pytest.mark.parametrize(
        "wrong",
        [
            [],
            "M",
            None,
            {"size": 1},
            {"size": ""},
            {"size": None},
            {"size": {"a": "b"}},
            {"": "M"},
            {"x" * 51: "M"},
            {"size": "x" * 101},
            {"size": "a\u0007"},
            {"size": "M", " size": "L"},
            {str(number): "x" for number in range(11)},
        ],
        ids=lambda each: repr(each)[:20],
    )
    def test_they_are_a_few_short_texts(self, store: Store, wrong: Any) -> None:
        url = f"{API}products/{store.product()['id']}/variants/"
        body = {"name": "x", "sku": "x", "options": wrong}
        assert set(assert_error(store.client.post(url, body), 400)) == {"options"}

    def test_they_are_kept_as_given(self, store: Store) -> None:
        given = {"サイズ": "大", "colour": "red"}
        assert store.variant(store.product(), options=given)["options"] == given
        assert store.variant(store.product())["options"] == {}


class TestStock:
    def test_it_is_the_variants_own(self, store: Store) -> None:
        product = store.product(stock_quantity=3)
        variant = store.variant(product, stock_quantity=12)
        path = variant["path"]
        assert store.get(f"{path}check_stock/") == {
            "in_stock": True,
            "quantity": 12,
            "availability_status": "in_stock",
            "on_hand": 12,
            "reserved": 0,
        }
        adjusted = store.post(f"{path}adjust_stock/", {"delta": -2, "reason": "broken"}, 200)
        assert adjusted["quantity"] == 10
        counted = {"set_to": 7, "expected_quantity": 10, "reason": "count"}
        assert store.post(f"{path}adjust_stock/", counted, 200)["quantity"] == 7
        assert_error(store.client.post(f"{API}{path}adjust_stock/", counted), 409, "stock_changed")
        response = store.client.post(f"{API}{path}adjust_stock/", {"delta": -8, "reason": "x"})
        assert assert_error(response, 409, "insufficient_stock")["items"] == [
            {
                "product_id": product["id"],
                "variant_id": variant["id"],
                "requested": 8,
                "available": 7,
            }
        ]
        rows = store.get(f"{path}stock_movements/")["results"]
        assert [row["quantity"] for row in rows] == [-3, -2, 12]
        assert store.get(path)["stock_quantity"] == 7
        assert store.stock(product) == 3

    def test_another_products_variant_is_unknown(self, store: Store) -> None:
        variant, other = store.variant(store.product()), store.product()
        for action in ("check_stock", "stock_movements"):
            url = f"{API}products/{other['id']}/variants/{variant['id']}/{action}/"
            assert_error(store.client.get(url), 404, "not_found")

    def test_running_low_is_announced_by_the_variants_name(self, store: Store, shop: Shop) -> None:
        from noren.catalog.handlers import send_low_stock_notice

        product = store.product(name="Sencha")
        variant = store.variant(product, name="50 g", sku="SEN-50", stock_quantity=11)
        store.post(f"{variant['path']}adjust_stock/", {"delta": -1, "reason": "x"}, 200)
        with shop.entered():
            event = Event.objects.get(type="stock.low")
            assert event.payload == {
                "product_id": product["id"],
                "variant_id": variant["id"],
                "available": 10,
            }
            send_low_stock_notice(event)
        [mail] = outbox
        assert "SEN-50" in mail.subject
        assert "Sencha, 50 g" in mail.body


class TestApproval:
    def test_the_rule_of_the_products_category_binds(self, store: Store, shop: Shop) -> None:
        bound = store.category(requires_approval=True)["id"]
        product = store.product(category=bound)
        variant, staff = store.variant(product), shop.client("staff")
        url = API + variant["path"]
        body = {"name": "x", "sku": "x", "stock_quantity": 1}
        for response in (
            staff.post(f"{API}products/{product['id']}/variants/", body),
            staff.patch(url, {"name": "x"}),
            staff.put(url, {"name": "x", "sku": "x"}),
            staff.post(f"{url}adjust_stock/", {"delta": 1, "reason": "x"}),
        ):
            assert_error(response, 403, "approval_required")
        assert staff.get(url).status_code == 200
        assert store.get(variant["path"])["stock_quantity"] == 100
        assert shop.client("manager").patch(url, {"name": "x"}).status_code == 200


class TestInProducts:
    def test_active_ones_are_shown_in_the_detail(self, store: Store) -> None:
        product = store.product(price="1000")
        small = store.variant(product, name="S", options={"size": "S"}, stock_quantity=5)
        large = store.variant(product, name="L", price="1500", stock_quantity=0)
        store.variant(product, is_active=False)
        gone = store.variant(product)
        store.client.delete(API + gone["path"])
        assert store.get(f"products/{product['id']}/")["active_variants"] == [
            {
                "id": small["id"],
                "name": "S",
                "sku": small["sku"],
                "price": "1000",
                "stock_quantity": 5,
                "availability_status": "low_stock",
                "options": {"size": "S"},
            },
            {
                "id": large["id"],
                "name": "L",
                "sku": large["sku"],
                "price": "1500",
                "stock_quantity": 0,
                "availability_status": "out_of_stock",
                "options": {},
            },
        ]
        assert "active_variants" not in store.get("products/")["results"][0]

    def test_they_go_with_their_product(self, store: Store, shop: Shop) -> None:
        product = store.product()
        earlier, variant = store.variant(product), store.variant(product)
        store.client.delete(API + earlier["path"])
        assert store.client.delete(f"{API}products/{product['id']}/").status_code == 204
        with shop.entered():
            moments = {str(row.id): row.deleted_at for row in Variant.every.all()}
            deleted = Product.every.get(id=product["id"]).deleted_at
            assert moments[variant["id"]] == deleted
            assert moments[earlier["id"]] < deleted
            assert list(find_differences()) == []

    def test_filter_by_activity(self, store: Store) -> None:
        product = store.product()
        store.variant(product, sku="A")
        store.variant(product, sku="B", is_active=False)
        for value, sku in (("true", "A"), ("false", "B")):
            rows = store.get(f"products/{product['id']}/variants/", is_active=value)["results"]
            assert [row["sku"] for row in rows] == [sku]

"""What products promise beyond the contract of every resource."""

from __future__ import annotations

import threading
import unicodedata
from decimal import Decimal
from typing import Any

import pytest

from noren.catalog.errors import PriceBelowFloor
from noren.catalog.models import Product
from noren.catalog.services import update_product
from noren_kit.testing.answers import assert_error
from noren_kit.testing.races import race
from noren_kit.testing.shops import Shop, make_shop
from store import API, Store


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


def found(store: Store, **parameters: Any) -> set[str]:
    rows = store.get("products/", page_size=100, **parameters)["results"]
    return {row["sku"] for row in rows}


class TestSku:
    def test_it_is_case_sensitive_and_stays_as_typed(self, store: Store) -> None:
        store.product(sku="85123a")
        store.product(sku="85123A")
        assert found(store) == {"85123a", "85123A"}

    def test_its_unicode_twins_are_one(self, store: Store) -> None:
        composed = unicodedata.normalize("NFC", "がCafé")
        decomposed = unicodedata.normalize("NFD", composed)
        assert composed != decomposed
        first = store.product(sku=decomposed)
        assert first["sku"] == composed
        body = {"name": "x", "sku": composed, "price": "1", "category": first["category"]}
        details = assert_error(store.client.post(f"{API}products/", body), 409, "duplicate")
        assert set(details) == {"sku"}

    def test_it_is_trimmed_and_at_most_50_long(self, store: Store) -> None:
        assert store.product(sku="  A 1 ")["sku"] == "A 1"
        assert store.product(sku="x" * 50)["sku"] == "x" * 50
        body = {"name": "x", "sku": "y" * 51, "price": "1", "category": store.category()["id"]}
        details = assert_error(store.client.post(f"{API}products/", body), 400)
        assert set(details) == {"sku"}


class TestPrice:
    @pytest.mark.parametrize(
        ("currency", "right", "wrong"),
        [
            ("JPY", ["1", "1050", "99999999"], ["0", "0.5", "105.5", "100000000", "-1"]),
            ("USD", ["0.01", "1.5", "99999999.99"], ["0", "0.001", "0.005", "100000000", "1e2"]),
            ("KWD", ["0.01", "1.234", "99999999.99"], ["0", "0.009", "1.2345", "99999999.991"]),
        ],
    )
    def test_it_has_the_currencys_precision(
        self, currency: str, right: list[str], wrong: list[str]
    ) -> None:
        store = Store(make_shop(currency=currency))
        category = store.category()["id"]
        decimals = {"JPY": 0, "USD": 2, "KWD": 3}[currency]
        for price in right:
            shown = store.product(price=price, category=category)["price"]
            assert shown == f"{float(price):.{decimals}f}"
        for price in (*wrong, "", "abc", "NaN", "Infinity", "1_000", "١", None, True, [], {}):
            body = {"name": "x", "sku": "x", "price": price, "category": category}
            details = assert_error(store.client.post(f"{API}products/", body), 400)
            assert set(details) == {"price"}, price

    @pytest.mark.parametrize(
        ("rounding", "expected"), [("floor", "113"), ("half_up", "113"), ("ceil", "114")]
    )
    def test_with_tax_by_the_tenants_rounding(self, rounding: str, expected: str) -> None:
        store = Store(make_shop(tax_rounding=rounding))
        category = store.category(tax_rate="8")["id"]
        assert store.product(price="105", category=category)["price_with_tax"] == expected

    def test_with_tax_where_prices_include_it(self) -> None:
        store = Store(make_shop(prices_include_tax=True))
        assert store.product(price="105")["price_with_tax"] == "105"

    def test_half_of_a_unit_is_rounded_up_by_half_up(self) -> None:
        for rounding, expected in (("floor", "16"), ("half_up", "17"), ("ceil", "17")):
            store = Store(make_shop(tax_rounding=rounding))
            assert store.product(price="15")["price_with_tax"] == expected


class TestPriceFloor:
    def test_no_way_of_writing_passes_it(self, store: Store, shop: Shop) -> None:
        product = store.product(price="1000")
        url = f"{API}products/{product['id']}/"
        staff = shop.client("staff")
        whole = {name: product[name] for name in ("name", "sku", "category")}
        for price in ("499", "499.0", 499, 1, "0001"):
            for response in (
                staff.patch(url, {"price": price}),
                staff.put(url, {**whole, "price": price}),
                staff.patch(url, {"price": price, "name": "Sale", "tags": ["sale"]}),
            ):
                details = assert_error(response, 400, "validation_error")
                assert [fault["code"] for fault in details["price"]] == ["price_floor"]
        assert store.get(f"products/{product['id']}/") == product
        assert store.get("tags/")["results"] == []
        assert staff.patch(url, {"price": "500"}).json()["price"] == "500"
        assert staff.patch(url, {"price": "250"}).json()["price"] == "250", "another step"
        assert_error(staff.patch(url, {"price": "124"}), 400)

    def test_half_of_an_odd_price(self, store: Store, shop: Shop) -> None:
        product = store.product(price="101")
        url = f"{API}products/{product['id']}/"
        assert_error(shop.client("staff").patch(url, {"price": "50"}), 400)
        assert shop.client("staff").patch(url, {"price": "51"}).status_code == 200

    @pytest.mark.parametrize("_again", range(4))
    def test_a_price_that_has_just_risen_counts(
        self, store: Store, shop: Shop, _again: int
    ) -> None:
        """60 is right after 100 and wrong after 1000: who is late is refused."""
        product = store.product(price="100")
        with shop.entered():
            read = Product.objects.get(id=product["id"])
        prices = iter([Decimal(60)] * 4 + [Decimal(1000)] + [Decimal(60)] * 7)
        lock = threading.Lock()

        def change() -> Decimal:
            with lock:
                price = next(prices)
            return update_product(product=read, values={"price": price}).price

        ended = race(12, lambda: shop.entered("staff"), change)
        assert all(isinstance(each, Decimal | PriceBelowFloor) for each in ended), ended
        assert store.get(f"products/{product['id']}/")["price"] == "1000"

    def test_who_may_override_it(self, store: Store, shop: Shop) -> None:
        for role in ("manager", "owner"):
            product = store.product(price="1000")
            url = f"{API}products/{product['id']}/"
            assert shop.client(role).patch(url, {"price": "1"}).json()["price"] == "1"


class TestApproval:
    def test_staff_may_not_write_there(self, store: Store, shop: Shop) -> None:
        bound = store.category(requires_approval=True)["id"]
        free = store.category()["id"]
        inside, outside = store.product(category=bound), store.product(category=free)
        staff = shop.client("staff")
        body = {"name": "x", "sku": "x", "price": "1", "category": bound}
        inside_url, outside_url = (f"{API}products/{each['id']}/" for each in (inside, outside))
        for response in (
            staff.post(f"{API}products/", body),
            staff.patch(inside_url, {"name": "x"}),
            staff.patch(inside_url, {"category": free}),
            staff.put(inside_url, {**body, "category": free}),
            staff.patch(outside_url, {"category": bound}),
        ):
            assert_error(response, 403, "approval_required")
        assert store.get(f"products/{inside['id']}/") == inside
        assert store.get(f"products/{outside['id']}/") == outside
        assert found(store) == {inside["sku"], outside["sku"]}

    def test_managers_and_owners_may(self, store: Store, shop: Shop) -> None:
        bound = store.category(requires_approval=True)["id"]
        for role in ("manager", "owner"):
            client = shop.client(role)
            body = {"name": role, "sku": role, "price": "1", "category": bound}
            made = client.post(f"{API}products/", body)
            assert made.status_code == 201
            url = f"{API}products/{made.json()['id']}/"
            assert client.patch(url, {"name": "y"}).status_code == 200
            assert client.delete(url).status_code == 204


class TestTags:
    def test_they_are_given_by_name_and_made_when_new(self, store: Store) -> None:
        green = store.post("tags/", {"name": "green"})
        product = store.product(tags=["green", "new", "green", " new "])
        assert sorted(product["tags"]) == ["green", "new"]
        tags = {row["name"]: row["id"] for row in store.get("tags/")["results"]}
        assert set(tags) == {"green", "new"}
        assert tags["green"] == green["id"]
        changed = store.patch(f"products/{product['id']}/", {"tags": ["new", "newer"]})
        assert sorted(changed["tags"]) == ["new", "newer"]
        assert store.patch(f"products/{product['id']}/", {"tags": []})["tags"] == []
        assert store.patch(f"products/{product['id']}/", {"name": "x"})["tags"] == []

    def test_filter_asks_for_all_of_them(self, store: Store) -> None:
        store.product(sku="A", tags=["x", "y"])
        store.product(sku="B", tags=["x"])
        assert found(store, tags="x") == {"A", "B"}
        assert found(store, tags="x,y") == {"A"}
        assert found(store, tags="x,unknown") == set()
        assert found(store, tags="X") == set()

    def test_at_most_50(self, store: Store) -> None:
        body = {"name": "x", "sku": "x", "price": "1", "category": store.category()["id"]}
        many = {**body, "tags": [f"t{number}" for number in range(51)]}
        assert set(assert_error(store.client.post(f"{API}products/", many), 400)) == {"tags"}
        assert store.get("tags/")["count"] == 0

    def test_a_deleted_tag_leaves_its_products(self, store: Store) -> None:
        product = store.product(tags=["x", "y"])
        tag = store.get("tags/", search="x")["results"][0]
        assert store.client.delete(f"{API}tags/{tag['id']}/").status_code == 204
        assert store.get(f"products/{product['id']}/")["tags"] == ["y"]
        assert found(store, tags="x") == set()


class TestFilters:
    def test_availability(self, store: Store) -> None:
        for quantity in (0, 1, 10, 11):
            product = store.product(sku=f"Q{quantity}", stock_quantity=quantity)
            expected = {0: "out_of_stock", 1: "low_stock", 10: "low_stock", 11: "in_stock"}
            assert product["availability_status"] == expected[quantity]
            assert product["stock_quantity"] == quantity
        assert found(store, availability_status="out_of_stock") == {"Q0"}
        assert found(store, availability_status="low_stock") == {"Q1", "Q10"}
        assert found(store, availability_status="in_stock") == {"Q11"}
        response = store.client.get(f"{API}products/", {"availability_status": "some"})
        assert set(assert_error(response, 400)) == {"availability_status"}

    def test_status_and_activity(self, store: Store) -> None:
        for status in ("draft", "active", "archived"):
            product = store.product(sku=status, status=status)
            assert product["is_active"] is (status == "active")
        assert found(store, status="draft") == {"draft"}
        assert found(store, is_active="true") == {"active"}
        assert found(store, is_active="false") == {"draft", "archived"}

    def test_new_products_are_drafts_without_stock(self, store: Store) -> None:
        body = {"name": "x", "sku": "x", "price": "1", "category": store.category()["id"]}
        made = store.post("products/", body)
        assert (made["status"], made["stock_quantity"], made["tags"]) == ("draft", 0, [])

    def test_price_range(self, store: Store) -> None:
        for price in ("99", "100", "101"):
            store.product(sku=price, price=price)
        assert found(store, price_min="100") == {"100", "101"}
        assert found(store, price_max="100") == {"99", "100"}
        assert found(store, price_min="100", price_max="100") == {"100"}
        assert found(store, price_min="102", price_max="1") == set()
        for value in ("x", "-1", "1e-30000", "NaN", "1e400", "1_000", "١", "9" * 40):
            for name in ("price_min", "price_max"):
                details = assert_error(store.client.get(f"{API}products/", {name: value}), 400)
                assert set(details) == {name}, value

    def test_brand_and_supplier(self, store: Store) -> None:
        brand = store.post("brands/", {"name": "Hagi"})["id"]
        supplier = store.post("suppliers/", {"code": "acme", "name": "Acme"})["id"]
        store.product(sku="A", brand=brand)
        store.product(sku="B", supplier=supplier)
        assert found(store, brand=brand) == {"A"}
        assert found(store, supplier=supplier) == {"B"}
        assert found(store, brand=brand, supplier=supplier) == set()


class TestRelations:
    def test_what_products_use_is_not_deleted(self, store: Store) -> None:
        brand = store.post("brands/", {"name": "Hagi"})["id"]
        product = store.product(brand=brand)
        for path in (f"brands/{brand}", f"categories/{product['category']}"):
            details = assert_error(store.client.delete(f"{API}{path}/"), 409, "in_use")
            assert details == {"used_by": ["product"]}
        assert store.client.delete(f"{API}products/{product['id']}/").status_code == 204
        for path in (f"brands/{brand}", f"categories/{product['category']}"):
            assert store.client.delete(f"{API}{path}/").status_code == 204

    def test_a_deleted_row_is_not_referred_to(self, store: Store) -> None:
        category, brand = store.category()["id"], store.post("brands/", {"name": "Hagi"})["id"]
        store.client.delete(f"{API}categories/{category}/")
        store.client.delete(f"{API}brands/{brand}/")
        body = {"name": "x", "sku": "x", "price": "1", "category": category, "brand": brand}
        details = assert_error(store.client.post(f"{API}products/", body), 400)
        codes = {name: [fault["code"] for fault in faults] for name, faults in details.items()}
        assert codes == {"category": ["does_not_exist"], "brand": ["does_not_exist"]}

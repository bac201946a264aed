"""Input that is well formed and means mischief: twins, unseen text, overflow, quantities."""

from __future__ import annotations

import threading
import unicodedata
from dataclasses import dataclass
from typing import Any

import pytest

from noren_kit.testing.answers import assert_error
from noren_kit.testing.shops import PASSWORD, Client, Shop, make_shop

PRODUCTS, ORDERS, CUSTOMERS = "/api/v1/products/", "/api/v1/orders/", "/api/v1/customers/"
PRICE_MAX = "99999999.99"
QUANTITY_MAX = 1_000_000_000


@dataclass
class Counter:
    """A shop with a category and a customer, ready to sell."""

    client: Client
    category: str
    customer: str

    def product(self, **values: Any) -> Any:
        body = {"name": "Cup", "sku": "C1", "price": "10", "category": self.category}
        return self.client.post(PRODUCTS, {**body, "status": "active", **values})

    def order(self, *lines: tuple[str, Any], **values: Any) -> Any:
        items = [{"product_id": product, "quantity": quantity} for product, quantity in lines]
        return self.client.post(ORDERS, {"customer": self.customer, "items": items, **values})

    def stock(self, product: str) -> int:
        return int(self.client.get(f"{PRODUCTS}{product}/check_stock/").json()["quantity"])

    def orders(self) -> int:
        return int(self.client.get(ORDERS).json()["count"])


@pytest.fixture
def counter() -> Counter:
    return open_counter(make_shop(currency="USD"))


def open_counter(shop: Shop) -> Counter:
    client = shop.client()
    category = client.post("/api/v1/categories/", {"name": "All", "tax_rate": "10"}).json()
    customer = client.post(CUSTOMERS, {"name": "Aoi", "email": "aoi@example.com"}).json()
    return Counter(client, category["id"], customer["id"])


@pytest.mark.parametrize(
    ("first", "twin"),
    [
        ("Café", unicodedata.normalize("NFD", "Café")),
        (unicodedata.normalize("NFD", "ガラス"), "ガラス"),
        ("\u212b", "\u00c5"),
        ("  Cup  ", "Cup"),
        ("\u3000Cup\u2003", "Cup"),
    ],
)
def test_twins_of_a_sku_are_one(counter: Counter, first: str, twin: str) -> None:
    """Canonically equivalent and outwardly equal codes are the same code."""
    made = counter.product(sku=first)
    assert made.status_code == 201
    assert made.json()["sku"] == unicodedata.normalize("NFC", first.strip())
    details = assert_error(counter.product(sku=twin), 409, "duplicate")
    assert details["sku"][0]["code"] == "duplicate"
    assert counter.client.get(PRODUCTS).json()["count"] == 1


@pytest.mark.parametrize(("first", "other"), [("abc", "ABC"), ("ﾃｨｰ", "ティー"), ("ß", "ss")])
def test_skus_that_differ_in_case_or_width_are_two(
    counter: Counter, first: str, other: str
) -> None:
    assert counter.product(sku=first).status_code == 201
    assert counter.product(sku=other).status_code == 201


@pytest.mark.parametrize("hidden", ["\u200b", "\u200d", "\u2060", "\ufeff", "\u202e", "\u00ad"])
def test_a_sku_hides_nothing(counter: Counter, hidden: str) -> None:
    details = assert_error(counter.product(sku=f"A{hidden}1"), 400, "validation_error")
    assert [fault["code"] for fault in details["sku"]] == ["format_character"]
    assert counter.client.get(PRODUCTS).json()["count"] == 0


@pytest.mark.parametrize(
    "name",
    [
        "كوب شاي",
        "ספל תה",
        "می\u200cخواهم",
        "👨\u200d👩\u200d👧 cup",
        "\u2067right\u2069 to left",
        "abc\u202ecba",
        "𝒞𝓊𝓅",
        "葛\U000e0100飾区",
        "Z͑͗a̕l̒g̊o",
    ],
)
def test_names_of_any_script_are_kept_as_given(counter: Counter, name: str) -> None:
    """Direction marks and joiners are part of writing: names keep them, and are found by them."""
    made = counter.product(name=name)
    assert made.status_code == 201
    assert made.json()["name"] == unicodedata.normalize("NFC", name)
    word = next(part for part in name.split() if any(map(str.isalpha, part)))
    found = counter.client.get(PRODUCTS, {"search": word}).json()
    assert found["count"] == 1


@pytest.mark.parametrize(
    "name",
    ["", "   ", "\u3000", "\u200b", "\u200b \u2060", "\ufeff", "\u3164", "\u2800", "\u202e\u202c"],
)
def test_a_name_that_shows_nothing_is_blank(counter: Counter, name: str) -> None:
    details = assert_error(counter.product(name=name), 400, "validation_error")
    assert [fault["code"] for fault in details["name"]] == ["blank"]


@pytest.mark.parametrize("text", ["a\tb", "a\nb", "a\r\nb", "a\u2028b", "a\x7fb", "a\x1bb"])
def test_a_name_is_one_line(counter: Counter, text: str) -> None:
    details = assert_error(counter.product(name=text), 400, "validation_error")
    assert [fault["code"] for fault in details["name"]] == ["control_character"]


def test_a_description_may_have_lines(counter: Counter) -> None:
    made = counter.product(description="one\r\ntwo\tthree")
    assert made.json()["description"] == "one\r\ntwo\tthree"


def test_spellings_of_an_address_sign_in_the_same_person(shop: Shop) -> None:
    """Addresses are compared case-folded; a customer's address is nobody's identity."""
    for spelling in ("owner@hanabi.example", "OWNER@Hanabi.EXAMPLE", "ｏwner@hanabi.example"):
        answer = Client().post("/api/auth/token/", {"email": spelling, "password": PASSWORD})
        assert answer.status_code == 200, spelling
        assert answer.json()["user"]["email"] == "owner@hanabi.example"
    client = shop.client()
    for spelling in ("aoi@example.com", "AOI@example.com"):
        made = client.post(CUSTOMERS, {"name": "Aoi", "email": spelling})
        assert made.status_code == 201
        assert made.json()["email"] == spelling


def test_a_failed_sign_in_says_nothing(shop: Shop) -> None:
    """Unknown user, wrong password, foreign tenant: one answer, byte for byte but its ids."""
    url, foreign = "/api/auth/token/", str(make_shop().tenant.id)
    attempts = [
        {"username": "nobody", "password": PASSWORD},
        {"username": "hanabi-owner", "password": "wrong"},
        {"username": "hanabi-owner", "password": PASSWORD, "tenant_id": foreign},
        {"email": "x@y", "password": PASSWORD},
        {"username": "hanabi-owner", "password": f"{PASSWORD} "},
    ]
    answers = []
    for attempt in attempts:
        answer = Client().post(url, attempt)
        assert_error(answer, 401, "invalid_credentials")
        body = answer.json()
        answers.append(
            ({**body, "timestamp": "", "request_id": ""}, answer.headers["WWW-Authenticate"])
        )
    assert all(each == answers[0] for each in answers)


@pytest.mark.parametrize("quantity", [0, -1, 1.5, "1", True, None, 2**31, 2**63, 10**30, [1], {}])
def test_quantities_that_are_none(counter: Counter, quantity: Any) -> None:
    product = counter.product(stock_quantity=5).json()["id"]
    details = assert_error(counter.order((product, quantity)), 400, "validation_error")
    assert set(details) == {"items"}
    assert set(details["items"]["0"]) == {"quantity"}
    assert [counter.stock(product), counter.orders()] == [5, 0]


def test_the_same_product_twice_counts_together(counter: Counter) -> None:
    product = counter.product(stock_quantity=5).json()["id"]
    placed = counter.order((product, 2), (product, 3))
    assert placed.status_code == 201
    assert [item["quantity"] for item in placed.json()["items"]] == [2, 3]
    assert counter.stock(product) == 0


def test_the_same_product_twice_cannot_take_more_than_there_is(counter: Counter) -> None:
    product = counter.product(stock_quantity=5).json()["id"]
    details = assert_error(counter.order((product, 3), (product, 3)), 409, "insufficient_stock")
    assert details["items"] == [{"product_id": product, "requested": 6, "available": 5}]
    assert [counter.stock(product), counter.orders()] == [5, 0]


def test_totals_that_overflow(counter: Counter) -> None:
    """Past what a bigint of thousandths holds: refused as out of range, nothing written."""
    product = counter.product(price=PRICE_MAX, stock_quantity=QUANTITY_MAX).json()["id"]
    assert_error(counter.order((product, QUANTITY_MAX)), 400, "validation_error")
    lines = [(product, QUANTITY_MAX)] * 1_000
    assert_error(counter.order(*lines), 409, "insufficient_stock")
    assert [counter.stock(product), counter.orders()] == [QUANTITY_MAX, 0]


def test_the_largest_order_that_fits(counter: Counter) -> None:
    product = counter.product(price=PRICE_MAX, stock_quantity=QUANTITY_MAX).json()["id"]
    placed = counter.order((product, 80_000_000))
    assert placed.status_code == 201
    assert placed.json()["subtotal_amount"] == "7999999999200000.00"


def test_more_lines_than_an_order_has(counter: Counter) -> None:
    product = counter.product(stock_quantity=5_000).json()["id"]
    details = assert_error(counter.order(*[(product, 1)] * 1_001), 400, "validation_error")
    assert set(details) == {"items"}
    assert counter.order(*[(product, 1)] * 1_000).status_code == 201
    assert counter.stock(product) == 4_000


@pytest.mark.parametrize(
    "discount",
    ["-1", "-0.01", "0.001", "1e3", "NaN", "1_0", "１０", "99999999999", " 1", "", None, [], True],
)
def test_discounts_that_are_none(counter: Counter, discount: Any) -> None:
    product = counter.product(stock_quantity=5).json()["id"]
    response = counter.order((product, 1), discount=discount)
    assert set(assert_error(response, 400, "validation_error")) == {"discount"}
    assert [counter.stock(product), counter.orders()] == [5, 0]


@pytest.mark.parametrize("zero", ["-0", "0.00", "-0.0", 0])
def test_no_amount_is_a_negative_zero(counter: Counter, zero: Any) -> None:
    product = counter.product(stock_quantity=5).json()["id"]
    placed = counter.order((product, 1), discount=zero).json()
    assert placed["discount_amount"] == "0.00"
    assert counter.client.get(f"{ORDERS}{placed['id']}/").json() == placed


def test_a_discount_larger_than_the_order(counter: Counter) -> None:
    product = counter.product(stock_quantity=5).json()["id"]
    details = assert_error(counter.order((product, 1), discount="10.01"), 400, "validation_error")
    assert set(details) == {"discount"}
    assert [counter.stock(product), counter.orders()] == [5, 0]


@pytest.mark.parametrize("price", ["0", "0.00", "-1", "100000000", "10.001", "0.009", "1e2", "∞"])
def test_prices_that_are_none(counter: Counter, price: str) -> None:
    details = assert_error(counter.product(price=price), 400, "validation_error")
    assert set(details) == {"price"}


@pytest.mark.parametrize("given", ["150", "150.00", 150, 150.25 - 0.25])
def test_prices_may_be_text_or_numbers(counter: Counter, given: Any) -> None:
    assert counter.product(price=given).json()["price"] == "150.00"


def test_stock_adjusted_by_mischief(counter: Counter) -> None:
    product = counter.product(stock_quantity=5).json()["id"]
    url = f"{PRODUCTS}{product}/adjust_stock/"
    for body in (
        {"delta": QUANTITY_MAX + 1, "reason": "x"},
        {"delta": 1, "set_to": 1, "reason": "x"},
        {"set_to": 1, "reason": "x"},
        {"set_to": -1, "expected_quantity": 5, "reason": "x"},
        {"delta": 1},
        {"reason": "x"},
        {"delta": 1, "reason": "\u200b"},
    ):
        assert_error(counter.client.post(url, body), 400, "validation_error")
    assert_error(counter.client.post(url, {"delta": -6, "reason": "x"}), 409, "insufficient_stock")
    changed = {"set_to": 1, "expected_quantity": 4, "reason": "x"}
    assert_error(counter.client.post(url, changed), 409, "stock_changed")
    assert counter.stock(product) == 5


def test_a_tree_that_bites_its_tail(counter: Counter) -> None:
    url = "/api/v1/categories/"
    child = counter.client.post(url, {"name": "Child", "parent": counter.category}).json()["id"]
    for parent in (counter.category, child):
        answer = counter.client.patch(f"{url}{counter.category}/", {"parent": parent})
        details = assert_error(answer, 400, "validation_error")
        assert [fault["code"] for fault in details["parent"]] == ["loop"]


def test_the_same_create_at_once(shop: Shop) -> None:
    """Of twins sent at the same moment one is made, the others are told so."""
    counter, gate, answers = open_counter(shop), threading.Barrier(8), list[int]()

    def create() -> None:
        from django.db import connections

        client = shop.client()
        gate.wait()
        twin = Counter(client, counter.category, counter.customer).product(sku="RACE")
        answers.append(twin.status_code)
        connections.close_all()

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201] + [409] * 7

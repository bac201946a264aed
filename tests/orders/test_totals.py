"""Totals to the last unit: three roundings, two rates, prices with and without tax, currencies."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noren.orders.services.tax import Priced, spread_discount, total_up
from noren_kit.core.money import decimals_of, quantum_of
from noren_kit.testing.answers import assert_error
from noren_kit.testing.shops import make_shop
from store import API, Store


def amounts(order: dict[str, Any]) -> tuple[str, ...]:
    names = ("subtotal_amount", "discount_amount", "tax_amount", "total_amount")
    return tuple(order[name] for name in names)


def rows(order: dict[str, Any]) -> list[tuple[Any, ...]]:
    names = ("rate", "reduced", "net", "tax", "gross")
    return [tuple(row[name] for name in names) for row in order["tax_breakdown"]]


@pytest.mark.parametrize(
    ("rounding", "at_10", "at_8"), [("floor", 10, 11), ("half_up", 11, 11), ("ceil", 11, 12)]
)
def test_three_roundings_once_per_rate(rounding: str, at_10: int, at_8: int) -> None:
    """105 yen at 10 % is 10.5; 3 × 47 yen at 8 % is 11.28, and not three times 3.76."""
    store = Store(make_shop(tax_rounding=rounding))
    standard = store.product(price="105", category=store.category(tax_rate="10")["id"])
    food = store.product(price="47", category=store.category(tax_rate="8")["id"])
    order = store.order((standard, 1), (food, 1), (food, 2))
    assert rows(order) == [
        ("10.00", False, "105", str(at_10), str(105 + at_10)),
        ("8.00", True, "141", str(at_8), str(141 + at_8)),
    ]
    tax = at_10 + at_8
    assert amounts(order) == ("246", "0", str(tax), str(246 + tax))


def test_a_discount_is_spread_over_the_rates() -> None:
    """100 off 300 at 10 % and 700 at 8 %: 30 and 70."""
    store = Store(make_shop())
    standard = store.product(price="300", category=store.category(tax_rate="10")["id"])
    food = store.product(price="700", category=store.category(tax_rate="8")["id"])
    order = store.order((standard, 1), (food, 1), discount="100")
    assert rows(order) == [
        ("10.00", False, "270", "27", "297"),
        ("8.00", True, "630", "50", "680"),
    ]
    assert amounts(order) == ("1000", "100", "77", "977")


def test_a_discounts_remainder_goes_to_the_larger_amount() -> None:
    store = Store(make_shop())
    standard = store.product(price="1", category=store.category(tax_rate="10")["id"])
    food = store.product(price="2", category=store.category(tax_rate="8")["id"])
    order = store.order((standard, 1), (food, 1), discount="1")
    assert [row[2] for row in rows(order)] == ["1", "1"]
    assert amounts(order)[3] == "2"


def test_prices_that_include_the_tax() -> None:
    """1,100 yen hold 100 of tax at 10 %, 1,080 hold 80 at 8 %; the total is what was shown."""
    store = Store(make_shop(prices_include_tax=True))
    standard = store.product(price="1100", category=store.category(tax_rate="10")["id"])
    food = store.product(price="1080", category=store.category(tax_rate="8")["id"])
    order = store.order((standard, 1), (food, 1))
    assert rows(order) == [
        ("10.00", False, "1000", "100", "1100"),
        ("8.00", True, "1000", "80", "1080"),
    ]
    assert amounts(order) == ("2180", "0", "180", "2180")
    with_discount = store.order((standard, 1), (food, 1), discount="180")
    assert amounts(with_discount)[3] == "2000"


@pytest.mark.parametrize(
    ("currency", "price", "expected"),
    [
        ("JPY", "105", ("315", "0", "31", "346")),
        ("USD", "1.05", ("3.15", "0.00", "0.31", "3.46")),
        ("KWD", "1.055", ("3.165", "0.000", "0.316", "3.481")),
    ],
)
def test_currencies(currency: str, price: str, expected: tuple[str, ...]) -> None:
    store = Store(make_shop(currency=currency))
    order = store.order((store.product(price=price), 3))
    assert amounts(order) == expected
    assert order["currency"] == currency
    assert order["items"][0]["unit_price"] == price


def test_discounts_that_are_refused() -> None:
    store = Store(make_shop())
    product = store.product(price="100")
    for discount in ("-1", "0.5", "x", "NaN", None, True, "101"):
        body = store.order_body((product, 1), discount=discount)
        details = assert_error(store.client.post(f"{API}orders/", body), 400)
        assert set(details) == {"discount"}, discount
    assert store.stock(product) == 100
    free = store.order((product, 1), discount="100")
    assert amounts(free) == ("100", "100", "0", "0")


def test_goods_without_tax() -> None:
    store = Store(make_shop())
    order = store.order((store.product(category=store.category(tax_rate="0")["id"]), 1))
    assert rows(order) == [("0.00", False, "100", "0", "100")]


def test_the_largest_order() -> None:
    """The highest price times the most units is still stored and shown to the last cent."""
    store = Store(make_shop(currency="USD"))
    product = store.product(price="99999999.99", stock_quantity=1_000_000)
    response = store.client.post(f"{API}orders/", store.order_body((product, 1_000_000)))
    assert response.status_code == 201, response.json()
    order = response.json()
    assert order["subtotal_amount"] == "99999999990000.00"
    assert order["total_amount"] == "109999999989000.00"
    assert store.get(f"orders/{order['id']}/") == order


def test_sums_past_what_can_be_stored_are_refused() -> None:
    store = Store(make_shop(currency="USD"))
    product = store.product(price="99999999.99", stock_quantity=10**9)
    body = store.order_body((product, 10**9))
    body["items"] *= 200
    response = store.client.post(f"{API}orders/", body)
    assert 400 <= response.status_code < 500, response.json()
    assert store.get("orders/")["count"] == 0


PRICED = st.lists(
    st.tuples(
        st.integers(1, 10**9),
        st.sampled_from([Decimal(0), Decimal(8), Decimal(10), Decimal("19.5")]),
        st.booleans(),
    ),
    min_size=1,
    max_size=20,
)


@given(
    lines=PRICED,
    share=st.integers(0, 100),
    included=st.booleans(),
    currency=st.sampled_from(["JPY", "USD", "KWD"]),
    rounding=st.sampled_from(["floor", "half_up", "ceil"]),
)
def test_rows_add_up_exactly(
    lines: list[tuple[int, Decimal, bool]], share: int, included: bool, currency: str, rounding: str
) -> None:
    quantum = quantum_of(currency)
    priced = [Priced(units * quantum, rate, reduced) for units, rate, reduced in lines]
    subtotal = sum((line.subtotal for line in priced), Decimal(0))
    discount = (subtotal * share / 100).quantize(quantum)
    totals = total_up(
        priced,
        discount=discount,
        prices_include_tax=included,
        currency=currency,
        rounding=rounding,
    )
    assert totals.subtotal == subtotal
    assert totals.tax == sum(row.tax for row in totals.rows)
    assert totals.total == sum(row.gross for row in totals.rows)
    assert totals.total == subtotal - discount + (0 if included else totals.tax)
    assert len({(row.rate, row.reduced) for row in totals.rows}) == len(totals.rows)
    for row in totals.rows:
        assert row.net + row.tax == row.gross
        exact = row.gross * row.rate / (100 + row.rate) if included else row.net * row.rate / 100
        assert abs(row.tax - exact) < quantum
        assert row.tax == row.tax.quantize(quantum)
        assert -row.tax.as_tuple().exponent == decimals_of(currency)


@given(amounts=st.lists(st.integers(0, 10**12), min_size=1, max_size=10), share=st.integers(0, 100))
def test_a_discount_is_spread_to_the_last_unit(amounts: list[int], share: int) -> None:
    whole = [Decimal(amount) for amount in amounts]
    discount = Decimal(sum(amounts) * share // 100)
    shares = spread_discount(discount, whole, Decimal(1))
    assert sum(shares) == (discount if any(amounts) else 0)
    assert all(0 <= part <= amount for part, amount in zip(shares, whole, strict=True))


def test_a_discount_never_exceeds_a_rates_amount() -> None:
    """Three rates and a discount that leaves units over: no row falls below nothing."""
    lines = [Priced(Decimal(100), Decimal(rate), rate == 8) for rate in (10, 8, 0)]
    totals = total_up(
        lines, discount=Decimal(299), prices_include_tax=False, currency="JPY", rounding="floor"
    )
    assert sorted(row.net for row in totals.rows) == [0, 0, 1]
    assert all(row.tax >= 0 for row in totals.rows)
    assert totals.total == 1


def test_three_lines_are_rounded_once() -> None:
    """Three lines of 105 yen at 10 %, rounded down, owe 31 and not 30."""
    store = Store(make_shop(tax_rounding="floor"))
    category = store.category(tax_rate="10")["id"]
    order = store.order(*((store.product(price="105", category=category), 1) for _ in range(3)))
    assert (order["subtotal_amount"], order["tax_amount"]) == ("315", "31")


@pytest.mark.parametrize(
    ("rounding", "at_10", "at_8", "total"),
    [
        ("floor", "501", "100", "6867"),
        ("half_up", "502", "100", "6868"),
        ("ceil", "502", "101", "6869"),
    ],
)
def test_an_invoice_of_both_rates(rounding: str, at_10: str, at_8: str, total: str) -> None:
    """The example of docs/guides/tax.md: one rounding per invoice and rate."""
    store = Store(make_shop(tax_rounding=rounding))
    standard, reduced = (store.category(tax_rate=rate)["id"] for rate in ("10", "8"))
    order = store.order(
        (store.product(price="1001", category=standard), 5),
        (store.product(price="10", category=standard), 1),
        (store.product(price="417", category=reduced), 3),
    )
    rows = [(row["net"], row["tax"], row["reduced"]) for row in order["tax_breakdown"]]
    assert rows == [("5015", at_10, False), ("1251", at_8, True)]
    assert order["total_amount"] == total


@pytest.mark.parametrize(
    ("rounding", "at_10", "at_8", "total"),
    [
        ("floor", "2815", "2164", "60197"),
        ("half_up", "2816", "2165", "60199"),
        ("ceil", "2816", "2165", "60199"),
    ],
)
def test_the_national_tax_agencys_example(rounding: str, at_10: str, at_8: str, total: str) -> None:
    """Its row of docs/guides/tax.md: rounded by line the taxes would be 2,814 and 2,163."""
    store = Store(make_shop(tax_rounding=rounding))
    standard, reduced = (store.category(tax_rate=rate)["id"] for rate in ("10", "8"))
    order = store.order(
        (store.product(price="167", category=reduced, stock_quantity=83), 83),
        (store.product(price="67", category=reduced, stock_quantity=197), 197),
        (store.product(price="77", category=standard, stock_quantity=57), 57),
        (store.product(price="417", category=standard, stock_quantity=57), 57),
    )
    rows = [(row["net"], row["tax"], row["reduced"]) for row in order["tax_breakdown"]]
    assert rows == [("28158", at_10, False), ("27060", at_8, True)]
    assert order["total_amount"] == total

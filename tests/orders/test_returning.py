"""Returns: units, stock, and amounts that add up to what was charged."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noren.inventory.queries import find_differences
from noren.orders.queries import find_unexplained_lines
from noren.orders.services.crediting import come_to, still_to_credit
from noren.orders.services.tax import Priced, TaxRow, total_up
from noren_kit.core.money import quantum_of
from noren_kit.testing.answers import assert_error
from noren_kit.testing.shops import Shop
from store import API, Store


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


def delivered(store: Store, *lines: Any, **values: Any) -> dict[str, Any]:
    order = store.order(*lines, **values)
    for step in ("confirm", "ship", "deliver"):
        order = store.post(f"orders/{order['id']}/{step}/", None, 200)
    return order


def give_back(store: Store, order: dict[str, Any], *items: tuple[int, int], **values: Any) -> Any:
    """Return units of the order's items by their place; all that is left where none is named."""
    body: dict[str, Any] = {"restock": True, "reason": "broken", **values}
    if items:
        body["items"] = [
            {"item_id": order["items"][at]["id"], "quantity": quantity} for at, quantity in items
        ]
    return store.client.post(f"{API}orders/{order['id']}/return/", body)


def test_all_of_it(store: Store, shop: Shop) -> None:
    product = store.product(stock_quantity=10)
    order = delivered(store, (product, 3))
    answer = give_back(store, order).json()
    assert (answer["status"], answer["returned_amount"]) == ("returned", order["total_amount"])
    assert store.stock(product) == 10
    assert store.get(f"products/{product['id']}/")["total_sales"] == 0
    for _time in range(3):
        details = assert_error(give_back(store, order), 409, "invalid_transition")
        assert details == {"status": "returned", "allowed": []}
    assert store.stock(product) == 10
    with shop.entered():
        assert list(find_differences()) == list(find_unexplained_lines()) == []


def test_by_line_until_nothing_is_left(store: Store, shop: Shop) -> None:
    first, second = store.product(price="105"), store.product(price="35")
    order = delivered(store, (first, 3), (second, 2), discount="7")
    part = give_back(store, order, (0, 1), (0, 1)).json()
    assert part["status"] == "delivered"
    assert (store.stock(first), store.stock(second)) == (99, 98)
    lost = give_back(store, order, (1, 2), restock=False)
    assert lost.status_code == 200
    assert store.stock(second) == 98, "lost"
    above = assert_error(give_back(store, order, (0, 2), (1, 1)), 409, "not_returnable")
    assert [(item["requested"], item["returnable"]) for item in above["items"]] == [(2, 1), (1, 0)]
    last = give_back(store, order, (0, 1)).json()
    assert (last["status"], last["returned_amount"]) == ("returned", order["total_amount"])
    returns = store.get(f"orders/{order['id']}/returns/")["results"]
    assert [sum(item["quantity"] for item in each["items"]) for each in returns] == [1, 2, 2]
    for name in ("net", "tax", "gross"):
        assert sum(Decimal(each[name]) for each in returns) == Decimal(
            order["tax_breakdown"][0][name]
        )
    assert [entry["amount"] for entry in store.get(f"orders/{order['id']}/timeline/")["results"]][
        4:7
    ] == [each["gross"] for each in reversed(returns)]
    with shop.entered():
        assert list(find_differences()) == list(find_unexplained_lines()) == []


def test_items_of_others(store: Store) -> None:
    order, other = (delivered(store, (store.product(), 1)) for _ in range(2))
    for item in (str(uuid.uuid4()), other["items"][0]["id"]):
        body = {"items": [{"item_id": item, "quantity": 1}], "restock": True, "reason": "x"}
        response = store.client.post(f"{API}orders/{order['id']}/return/", body)
        faults = assert_error(response, 400, "validation_error")
        assert faults["items"]["0"]["item_id"][0]["code"] == "does_not_exist"


def test_what_came_back_is_not_owed(store: Store) -> None:
    order = delivered(store, (store.product(price="1000"), 2))
    store.post(f"orders/{order['id']}/pay/", {"amount": "1100", "reference": "x"}, 200)
    assert give_back(store, order, (0, 1)).json()["payment_status"] == "paid"


currencies = st.sampled_from(["JPY", "USD", "KWD"])
roundings = st.sampled_from(["floor", "half_up", "ceil"])
rates = st.sampled_from([Decimal(10), Decimal(8), Decimal(0), Decimal("19.60")])

priced = st.tuples(st.integers(1, 5_000), st.integers(1, 6), rates)


@given(
    lines=st.lists(
        st.tuples(st.integers(1, 5_000), st.integers(1, 6), rates), min_size=1, max_size=6
    ),
    discount=st.integers(0, 1_000),
    included=st.booleans(),
    currency=currencies,
    placed=roundings,
    later=roundings,
    choices=st.randoms(use_true_random=False),
)
def test_any_split_gives_back_what_was_charged(
    lines: list[tuple[int, int, Decimal]],
    discount: int,
    included: bool,
    currency: str,
    placed: str,
    later: str,
    choices: Any,
) -> None:
    """Whatever the tenant's rounding has become meanwhile."""
    unit = quantum_of(currency)
    subtotal = sum(price * quantity for price, quantity, _rate in lines)
    totals = total_up(
        [Priced(price * quantity * unit, rate, False) for price, quantity, rate in lines],
        discount=subtotal * discount // 1_000 * unit,
        prices_include_tax=included,
        currency=currency,
        rounding=placed,
    )
    assert sum(row.gross for row in totals.rows) == totals.total
    left = [at for at, (_price, quantity, _rate) in enumerate(lines) for _unit in range(quantity)]
    choices.shuffle(left)
    credited = {row.rate: TaxRow(row.rate, False, *[Decimal(0)] * 3) for row in totals.rows}
    parts = dict.fromkeys(credited, Decimal(0))
    while left:
        now, left = left[: (size := choices.randint(1, len(left)))], left[size:]
        for at in now:
            parts[lines[at][2]] += lines[at][0] * unit
        for row in totals.rows:
            if row.rate not in {lines[at][2] for at in now}:
                continue
            total = come_to(
                row,
                listed=sum(p * q * unit for p, q, rate in lines if rate == row.rate),
                part=parts[row.rate],
                included=included,
                currency=currency,
                rounding=later,
            )
            before = credited[row.rate]
            credit = still_to_credit(total, before, included=included)
            assert credit.net + credit.tax == credit.gross
            assert credit.gross >= 0
            assert credit.tax >= 0
            if placed == later:
                assert credit.net >= 0
            credited[row.rate] = TaxRow(
                row.rate,
                False,
                before.net + credit.net,
                before.tax + credit.tax,
                before.gross + credit.gross,
            )
    assert list(credited.values()) == list(totals.rows)

"""What happens to an order after it was placed: its states, its money, its timeline."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from noren.orders.models import TRANSITIONS, Order, Payment, allowed_from, state_diagram
from noren_kit.outbox.models import Event
from noren_kit.testing.answers import assert_error
from noren_kit.testing.contract.versions import version_of
from noren_kit.testing.shops import Shop
from store import API, Store

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "orders.md"
STEPS = {"confirmed": ["confirm"], "shipped": ["confirm", "ship"]}
STEPS["delivered"] = [*STEPS["shipped"], "deliver"]


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


def act(store: Store, order: dict[str, Any], action: str, body: Any = None) -> dict[str, Any]:
    return store.post(f"orders/{order['id']}/{action}/", body, 200)


def refused(store: Store, order: dict[str, Any], action: str, body: Any = None) -> Any:
    response = store.client.post(f"{API}orders/{order['id']}/{action}/", body)
    return response.status_code, response.json()["code"], response.json()["details"]


def bring(store: Store, order: dict[str, Any], status: str) -> None:
    for step in STEPS.get(status, []):
        act(store, order, step)


def test_every_action_answers_with_the_orders_version(store: Store) -> None:
    order = store.order((store.product(price="100"), 2))
    item = order["items"][0]["id"]
    half = {"items": [{"item_id": item, "quantity": 1}], "restock": True, "reason": "worn"}
    calls = (
        ("pay", {"amount": "100", "reference": "r1"}),
        *(("confirm", None), ("ship", None), ("deliver", None), ("return", half)),
        ("refund", {"amount": "50", "reason": "worn"}),
    )
    seen = [version_of(store.client.get(f"{API}orders/{order['id']}/"))]
    for action, body in calls:
        answer = store.client.post(f"{API}orders/{order['id']}/{action}/", body)
        assert answer.status_code == 200, answer.content
        shown = store.client.get(f"{API}orders/{order['id']}/")
        assert answer.json() == shown.json()
        assert version_of(answer) == version_of(shown)
        seen.append(version_of(shown))
    assert seen == sorted(set(seen))
    other = store.order((store.product(sku="B"), 1))
    cancelled = store.client.post(f"{API}orders/{other['id']}/cancel/")
    assert version_of(cancelled) == version_of(store.client.get(f"{API}orders/{other['id']}/"))


def test_an_order_goes_its_way(store: Store, shop: Shop) -> None:
    order = store.order((store.product(), 2))
    for action, status in (("confirm", "confirmed"), ("ship", "shipped"), ("deliver", "delivered")):
        answer = act(store, order, action)
        assert answer["status"] == status
        assert answer == store.get(f"orders/{order['id']}/")
    entries = store.get(f"orders/{order['id']}/timeline/")["results"]
    assert [(entry["from_status"], entry["to_status"]) for entry in entries] == [
        (None, "placed"),
        ("placed", "confirmed"),
        ("confirmed", "shipped"),
        ("shipped", "delivered"),
    ]
    assert {entry["kind"] for entry in entries} == {"transition"}
    assert {entry["by"]["id"] for entry in entries} == {str(shop.users["owner"].id)}
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)
    with shop.entered():
        types = Event.objects.filter(aggregate_id=order["id"]).order_by("sequence")
        assert [event.type for event in types] == [
            "order.placed",
            "order.confirmed",
            "order.shipped",
            "order.delivered",
        ]


@pytest.mark.parametrize("status", Order.Status.values)
@pytest.mark.parametrize("action", [each.action for each in TRANSITIONS])
def test_what_is_not_in_the_table_is_refused(
    store: Store, shop: Shop, status: str, action: str
) -> None:
    order = store.order((store.product(), 2))
    with shop.entered():
        Order.objects.filter(id=order["id"]).update(status=status)
    body = {"restock": True, "reason": "x"} if action == "return" else None
    response = store.client.post(f"{API}orders/{order['id']}/{action}/", body)
    [transition] = [each for each in TRANSITIONS if each.action == action]
    if status in transition.sources:
        assert response.status_code == 200, response.json()
        assert response.json()["status"] == transition.target
        return
    details = assert_error(response, 409, "invalid_transition")
    assert details == {"status": status, "allowed": allowed_from(status)}
    assert store.get(f"orders/{order['id']}/")["status"] == status


def test_the_guide_shows_the_table() -> None:
    assert f"```mermaid\n{state_diagram()}```\n" in GUIDE.read_text(encoding="utf-8")


def test_payments_and_refunds(store: Store, shop: Shop) -> None:
    order = store.order((store.product(price="1000"), 1))
    assert (order["payment_status"], order["total_amount"]) == ("unpaid", "1100")
    first = act(store, order, "pay", {"amount": "100", "reference": "ch_1"})
    assert (first["payment_status"], first["paid_amount"]) == ("partly_paid", "100")
    above = refused(store, order, "pay", {"amount": "1001", "reference": "ch_2"})
    assert above == (409, "amount_too_large", {"amount": "1001", "most": "1000"})
    second = act(store, order, "pay", {"amount": "1000", "reference": "ch_3"})
    assert (second["payment_status"], second["paid_amount"]) == ("paid", "1100")
    assert refused(store, order, "pay", {"amount": "1", "reference": "x"})[2]["most"] == "0"
    above = refused(store, order, "refund", {"amount": "1101", "reason": "x"})
    assert above == (409, "amount_too_large", {"amount": "1101", "most": "1100"})
    part = act(store, order, "refund", {"amount": "300", "reason": "late"})
    assert (part["payment_status"], part["refunded_amount"]) == ("partly_refunded", "300")
    rest = act(store, order, "refund", {"amount": "800", "reason": "very late"})
    assert (rest["payment_status"], rest["refunded_amount"]) == ("refunded", "1100")
    assert refused(store, order, "refund", {"amount": "1", "reason": "x"})[2]["most"] == "0"
    entries = store.get(f"orders/{order['id']}/timeline/")["results"][1:]
    facts = [(e["kind"], e["amount"], e["reference"], e["reason"]) for e in entries]
    assert facts == [
        ("payment", "100", "ch_1", None),
        ("payment", "1000", "ch_3", None),
        ("refund", "300", None, "late"),
        ("refund", "800", None, "very late"),
    ]
    assert rest["status"] == "placed", "money and goods go ways of their own"
    with shop.entered():
        assert Payment.objects.count() == 4


def test_nothing_is_owed_for_what_was_cancelled(store: Store) -> None:
    order = store.order((store.product(), 1))
    act(store, order, "pay", {"amount": "10", "reference": "ch_1"})
    act(store, order, "cancel")
    status, code, details = refused(store, order, "pay", {"amount": "1", "reference": "x"})
    assert (status, code, details["allowed"]) == (409, "invalid_transition", [])
    assert act(store, order, "refund", {"amount": "10", "reason": "cancelled"})[
        "payment_status"
    ] == ("refunded")


@pytest.mark.parametrize("action", ["confirm", "ship", "deliver", "pay", "refund", "return"])
def test_unknown_orders(store: Store, neighbour: Shop, action: str) -> None:
    foreign = Store(neighbour)
    other = foreign.order((foreign.product(), 1))["id"]
    body = {
        "pay": {"amount": "1", "reference": "x"},
        "refund": {"amount": "1", "reason": "x"},
        "return": {"restock": True, "reason": "x"},
    }.get(action)
    for pk in (uuid.uuid4(), "x", other):
        response = store.client.post(f"{API}orders/{pk}/{action}/", body)
        assert_error(response, 404, "not_found")


@pytest.mark.parametrize(
    ("action", "body", "names"),
    [
        ("confirm", {"x": 1}, {"x"}),
        ("ship", {"status": "delivered"}, {"status"}),
        ("pay", {}, {"amount", "reference"}),
        ("pay", {"amount": "0", "reference": "x"}, {"amount"}),
        ("pay", {"amount": "-1", "reference": "x"}, {"amount"}),
        ("pay", {"amount": "0.5", "reference": "x"}, {"amount"}),
        ("pay", {"amount": "NaN", "reference": "x"}, {"amount"}),
        ("pay", {"amount": "1", "reference": "x", "payment_status": "paid"}, {"payment_status"}),
        ("pay", {"amount": "1", "reference": "x" * 201}, {"reference"}),
        ("pay", {"amount": "1", "reference": "\u0007"}, {"reference"}),
        ("refund", {}, {"amount", "reason"}),
        ("refund", {"amount": "1e400", "reason": "x"}, {"amount"}),
        ("return", {}, {"restock", "reason"}),
        ("return", {"restock": "yes", "reason": "x"}, {"restock"}),
        ("return", {"restock": True, "reason": "x", "items": []}, {"items"}),
        ("return", {"restock": True, "reason": "x", "items": {}}, {"items"}),
        ("return", {"restock": True, "reason": "x", "items": [{}]}, {"items"}),
        ("return", {"restock": True, "reason": "x", "net": "1"}, {"net"}),
    ],
)
def test_malformed(store: Store, action: str, body: Any, names: set[str]) -> None:
    order = store.order((store.product(), 2))
    response = store.client.post(f"{API}orders/{order['id']}/{action}/", body)
    assert set(assert_error(response, 400, "validation_error")) == names
    assert store.get(f"orders/{order['id']}/") == order


def test_who_may(store: Store, shop: Shop) -> None:
    """One's own orders one may cancel, not call paid."""
    customer = shop.hire("buyer", ["orders.view_own_order", "orders.change_own_order"])
    buyer = store.customer(user=str(shop.users["buyer"].id))
    order = store.order((store.product(), 1), customer=buyer["id"])
    for action in ("confirm", "ship", "deliver", "pay", "refund", "return"):
        response = customer.post(f"{API}orders/{order['id']}/{action}/", {})
        assert_error(response, 403, "permission_denied")
    assert customer.get(f"{API}orders/{order['id']}/timeline/").status_code == 200
    assert customer.get(f"{API}orders/{order['id']}/returns/").status_code == 200
    assert customer.post(f"{API}orders/{order['id']}/cancel/").status_code == 200
    other = store.order((store.product(), 1))
    for action in ("timeline", "returns"):
        response = customer.get(f"{API}orders/{other['id']}/{action}/")
        assert_error(response, 404, "not_found")

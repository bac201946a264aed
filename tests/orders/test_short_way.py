"""Orders made before the framework are the framework's orders, and owe what these owe."""

from __future__ import annotations

import json
import re
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from noren.orders.models import Order
from noren.orders.queries import find_unexplained_lines
from noren.orders.views.orders import OrderViewSet
from noren_kit.accounts.models import Membership, MembershipRole
from noren_kit.testing.plugin import OwnerConnection
from noren_kit.testing.shops import Shop
from store import API, Store

sys.path.append(str(Path(__file__).parents[1] / "flows"))
from short_way import Answer, Process

URL = f"{API}orders/"
LONG = {"HTTP_COOKIE": "some=thing"}
_OWN = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d{6}|\d{4}-\d\d-\d\dT[0-9:.]+Z"
)


class Buyer:
    """Somebody who orders the same again and again from one web process."""

    def __init__(self, shop: Shop, role: str = "staff") -> None:
        self.store = Store(shop)
        self.tea, self.cup = self.store.product(name="Tea"), self.store.product(name="Cup")
        self.person = self.store.customer()["id"]
        self.client, self.process = shop.client(role), Process()

    def body(self, *lines: tuple[str, int], **texts: Any) -> dict[str, Any]:
        wanted = lines or ((self.tea["id"], 2), (self.cup["id"], 1))
        items = [{"product_id": product, "quantity": quantity} for product, quantity in wanted]
        return {"customer": self.person, "items": items, **texts}

    def order(self, body: Any = None, **headers: str) -> Answer:
        return self.process.post(self.client, URL, body or self.body(), **headers)

    def warm(self) -> Answer:
        """The first order teaches the process; this is the second."""
        assert self.order().long
        short = self.order()
        assert (short.status, short.long) == (201, False)
        return short


@pytest.fixture
def buyer(shop: Shop) -> Buyer:
    return Buyer(shop)


def masked(answer: Answer) -> tuple[int, str, dict[str, str]]:
    """All of an answer but what is each order's own."""
    status, content, headers = answer.rest("ETag")
    shown = {name: _OWN.sub("own", value) for name, value in headers.items()}
    return status, _OWN.sub("own", content.decode()), shown


def test_both_ways_give_the_same(buyer: Buyer) -> None:
    short, long = buyer.warm(), buyer.order(**LONG)
    assert long.long
    assert masked(short) == masked(long)
    stored = buyer.process.long(buyer.client, short.headers["Location"].partition("testserver")[2])
    assert (stored.status, stored.content) == (200, short.content)
    assert short.headers["ETag"].partition("-")[0] == stored.headers["ETag"].partition("-")[0]


def test_what_it_leaves_is_the_same(buyer: Buyer, shop: Shop) -> None:
    buyer.warm()
    buyer.order(**LONG)
    numbers = [int(each["order_number"][5:]) for each in buyer.store.get("orders/")["results"]]
    assert sorted(numbers) == [1, 2, 3]
    assert buyer.store.get(f"products/{buyer.tea['id']}/")["stock_quantity"] == 94
    entries = [
        (entry["resource"], entry["operation"], entry["actor"]["id"])
        for entry in buyer.store.get("audit/", page_size=100)["results"]
        if entry["actor"] and entry["actor"]["id"] == str(shop.users["staff"].id)
    ]
    assert entries
    assert {entries.count(each) % 3 for each in entries} == {0}
    with shop.entered():
        assert list(find_unexplained_lines()) == []


def test_a_key_has_one_effect(buyer: Buyer, shop: Shop) -> None:
    buyer.warm()
    key = {"HTTP_IDEMPOTENCY_KEY": "once"}
    first = buyer.order(**key)
    assert not first.long
    again, otherwise = buyer.order(**key), buyer.order(**key, **LONG)
    for replayed in (again, otherwise):
        assert replayed.headers["Idempotent-Replayed"] == "true"
        assert (replayed.status, replayed.content) == (201, first.content)
        assert replayed.headers["Location"] == first.headers["Location"]
        assert replayed.headers["ETag"] == first.headers["ETag"]
    other = buyer.order(buyer.body(notes="another"), **key)
    assert (other.status, json.loads(other.content)["code"]) == (422, "idempotency_mismatch")
    with shop.entered():
        assert Order.objects.count() == 3


FAULTS: dict[str, Any] = {
    "no such product": lambda buyer: buyer.body((str(uuid.uuid4()), 1)),
    "too many": lambda buyer: buyer.body((buyer.tea["id"], 10_000)),
    "none": lambda buyer: buyer.body((buyer.tea["id"], 0)),
    "a stranger": lambda buyer: {**buyer.body(), "customer": str(uuid.uuid4())},
    "a member too many": lambda buyer: buyer.body(total_amount="1"),
    "a huge discount": lambda buyer: buyer.body(discount="100000"),
    "no JSON": lambda _buyer: b"{",
    "doubled members": lambda _buyer: b'{"customer": 1, "customer": 2}',
    "no object": lambda _buyer: b"[]",
    "a price beyond the column": lambda buyer: buyer.body((buyer.tea["id"], 10**30)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_told_as_ever(buyer: Buyer, shop: Shop, fault: str) -> None:
    buyer.warm()
    body = FAULTS[fault](buyer)
    key = {"HTTP_IDEMPOTENCY_KEY": "faulty"}
    one, two = buyer.order(body, **key), buyer.order(body, **key, **LONG)
    assert one.status >= 400
    assert masked_error(one) == masked_error(two)
    with shop.entered():
        assert Order.objects.count() == 2
    assert buyer.order().status == 201


def masked_error(answer: Answer) -> tuple[int, Any]:
    body = json.loads(answer.content)
    return answer.status, {**body, "request_id": "", "timestamp": ""}


def test_a_body_that_ends_early(buyer: Buyer) -> None:
    buyer.warm()
    answer = buyer.order(json.dumps(buyer.body()).encode(), CONTENT_LENGTH="5000")
    assert (answer.status, answer.long) == (400, True)


def test_a_precondition_is_refused_as_ever(buyer: Buyer) -> None:
    buyer.warm()
    answers = [buyer.order(HTTP_IF_MATCH='"1"'), buyer.order(HTTP_IF_MATCH='"1"', **LONG)]
    assert [each.status for each in answers] == [400, 400]
    assert masked_error(answers[0]) == masked_error(answers[1])


def test_rights_end_at_once(buyer: Buyer, shop: Shop) -> None:
    buyer.warm()
    with shop.entered():
        MembershipRole.objects.filter(membership__user=shop.users["staff"]).delete()
    assert buyer.order().status == 403
    with shop.entered():
        Membership.objects.filter(user=shop.users["staff"]).touch(deleted_at="2026-01-01T00:00Z")
    assert buyer.order().status == 401


def test_nobody_takes_it_by_anothers_rights(buyer: Buyer, shop: Shop, neighbour: Shop) -> None:
    buyer.warm()
    guest = shop.hire("nobody", [])
    assert buyer.process.post(guest, URL, buyer.body()).status == 403
    stranger = buyer.process.post(neighbour.client("staff"), URL, buyer.body())
    assert (stranger.status, stranger.long) == (400, True)


def test_whom_a_rule_binds_goes_the_long_way(shop: Shop) -> None:
    rights = ["orders.view_own_order", "orders.add_own_order"]
    buyer = Buyer(shop)
    buyer.client = shop.hire("guest", rights)
    buyer.person = buyer.store.customer(user=str(shop.users["guest"].id))["id"]
    answers = [buyer.order() for _ in range(3)]
    assert [(each.status, each.long) for each in answers] == [(201, True)] * 3


def test_each_is_counted_once(buyer: Buyer) -> None:
    buyer.warm()
    answers = [buyer.order(), buyer.order(b"{"), buyer.order(), buyer.order(**LONG)]
    left = [int(each.headers["RateLimit"].split("r=")[1].split(";")[0]) for each in answers]
    assert left == list(range(left[0], left[0] - 4, -1))


def test_what_fails_at_the_commit_is_not_tried_again(
    buyer: Buyer, shop: Shop, owner: OwnerConnection
) -> None:
    """Whether a COMMIT that failed had its effect can't be known; a sequence counts the tries."""
    buyer.warm()
    owner.connection.execute(
        "CREATE SEQUENCE tries; GRANT USAGE ON tries TO PUBLIC;"
        " CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM nextval(''tries''); RAISE ''refused''; END';"
        " CREATE CONSTRAINT TRIGGER refused AFTER INSERT ON orders_order"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    try:
        answer = buyer.order(HTTP_IDEMPOTENCY_KEY="refused")
        tries = owner.connection.execute("SELECT last_value FROM tries").fetchone()
    finally:
        owner.connection.execute(
            "DROP TRIGGER refused ON orders_order; DROP FUNCTION refuse(); DROP SEQUENCE tries"
        )
    assert (answer.status, tries) == (500, (1,))
    with shop.entered():
        assert Order.objects.count() == 2
    assert buyer.order(HTTP_IDEMPOTENCY_KEY="refused").status == 201


def test_what_fails_on_both_ways_is_an_error_once(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    buyer.warm()

    def fails(*arguments: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(OrderViewSet, "make", fails)
    caplog.clear()
    answer = buyer.order()
    assert (answer.status, answer.long) == (500, True)
    errors = [each for each in caplog.records if each.levelname == "ERROR"]
    assert len(errors) == 1
    assert "creating_failed" not in errors[0].getMessage()

"""Buyers with a login: their own orders, and nobody else's by any way."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from noren.orders.models import Customer, Order
from noren_kit.accounts import tokens
from noren_kit.accounts.row_rules import OwnRows, readable, refusal
from noren_kit.core import context
from noren_kit.core.context import Actor
from noren_kit.outbox.models import Event
from noren_kit.testing.answers import assert_error, outward
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Client, Shop, make_superuser
from store import API, Store

BUYER = (
    "orders.view_own_order",
    "orders.add_own_order",
    "orders.change_own_order",
    "orders.view_own_customer",
    "catalog.view_product",
)
ORDERS, CUSTOMERS = f"{API}orders/", f"{API}customers/"


@dataclass
class Scene:
    """A buyer and another customer, each with an order of three units from a stock of 100."""

    store: Store
    shop: Shop
    buyer: Client
    product: dict[str, Any]
    me: dict[str, Any]
    other: dict[str, Any]
    mine: dict[str, Any]
    others: dict[str, Any]

    def body(self, customer: dict[str, Any] | str, quantity: int = 2) -> dict[str, Any]:
        identifier = customer if isinstance(customer, str) else customer["id"]
        items = [{"product_id": self.product["id"], "quantity": quantity}]
        return {"customer": identifier, "items": items}

    def stored(self) -> tuple[int, int, int]:
        """Orders, events and stock."""
        with self.shop.entered():
            counts = (Order.objects.count(), Event.objects.count())
        return (*counts, self.store.stock(self.product))


@pytest.fixture
def scene(shop: Shop) -> Scene:
    store = Store(shop)
    buyer = shop.hire("buyer", BUYER)
    product = store.product()
    me = store.customer(user=str(shop.users["buyer"].id))
    other = store.customer(name="Suzuki")
    mine = store.order((product, 3), customer=me["id"])
    others = store.order((product, 3), customer=other["id"])
    return Scene(store, shop, buyer, product, me, other, mine, others)


def ids(client: Client, url: str, **parameters: Any) -> set[str]:
    response = client.get(url, parameters)
    assert response.status_code == 200, response.json()
    return {row["id"] for row in response.json()["results"]}


def order_url(order: dict[str, Any]) -> str:
    return f"{ORDERS}{order['id']}/"


def assert_like_unknown(client: Client, verb: str, url: str, known: str) -> None:
    """The row `known` in `url` answers as an id that never was, for the same work."""
    seen = []
    for identifier in (known, str(uuid.uuid4())):
        with recorded_statements() as statements:
            response = getattr(client, verb)(url.format(identifier))
        assert_error(response, 404, "not_found")
        seen.append((outward(response, identifier), statements))
    assert seen[0] == seen[1]


class TestReading:
    def test_lists_hold_ones_own(self, scene: Scene) -> None:
        for parameters in (
            {},
            {"cursor": ""},
            {"status": "placed"},
            {"search": "S"},
            {"ids": f"{scene.mine['id']},{scene.others['id']}"},
        ):
            assert ids(scene.buyer, ORDERS, **parameters) == {scene.mine["id"]}
        assert scene.buyer.get(ORDERS).json()["count"] == 1
        assert ids(scene.buyer, ORDERS, customer=scene.other["id"]) == set()
        assert ids(scene.buyer, ORDERS, search="Suzuki") == set()
        assert ids(scene.buyer, CUSTOMERS) == {scene.me["id"]}

    def test_details(self, scene: Scene) -> None:
        assert scene.buyer.get(order_url(scene.mine)).json() == scene.mine
        assert scene.buyer.get(f"{CUSTOMERS}{scene.me['id']}/").json() == scene.me

    def test_what_is_anothers_is_unknown(self, scene: Scene) -> None:
        assert_like_unknown(scene.buyer, "get", ORDERS + "{}/", scene.others["id"])
        assert_like_unknown(scene.buyer, "post", ORDERS + "{}/cancel/", scene.others["id"])
        assert_like_unknown(scene.buyer, "get", CUSTOMERS + "{}/", scene.other["id"])
        assert scene.store.get(f"orders/{scene.others['id']}/") == scene.others

    def test_the_shops_people_see_all(self, scene: Scene) -> None:
        both = {scene.mine["id"], scene.others["id"]}
        for role in ("viewer", "staff", "manager", "owner"):
            assert ids(scene.shop.client(role), ORDERS) == both
        token = tokens.open_session(user=make_superuser(), affiliation=None).access
        platform = Client(token, HTTP_X_TENANT_ID=str(scene.shop.tenant.id))
        assert ids(platform, ORDERS) == both

    def test_they_pay_for_no_statement(self, scene: Scene) -> None:
        """Neither a list nor a write costs more for those whom no rule binds."""
        spent = []
        for role in ("staff", "owner"):
            client = scene.shop.client(role)
            with recorded_statements() as statements:
                ids(client, ORDERS)
                made = client.post(ORDERS, scene.body(scene.me))
                client.post(f"{order_url(made.json())}cancel/")
            spent.append(statements)
        assert spent[0] == spent[1]
        assert not [each for each in spent[0] if '"user_id" = ' in each]


class TestPlacing:
    def test_for_oneself(self, scene: Scene) -> None:
        response = scene.buyer.post(ORDERS, scene.body(scene.me))
        assert response.status_code == 201, response.json()
        placed = response.json()
        assert placed["created_by"]["id"] == str(scene.shop.users["buyer"].id)
        assert scene.buyer.get(order_url(placed)).json() == placed
        assert scene.store.stock(scene.product) == 92

    def test_for_another_is_like_for_nobody(self, scene: Scene) -> None:
        before, seen = scene.stored(), []
        for customer in (scene.other["id"], str(uuid.uuid4())):
            with recorded_statements() as statements:
                response = scene.buyer.post(ORDERS, scene.body(customer))
            assert set(assert_error(response, 400, "validation_error")) == {"customer"}
            seen.append((outward(response, customer), statements))
        assert seen[0] == seen[1]
        assert scene.stored() == before

    def test_what_was_written_is_looked_at_again(self, scene: Scene) -> None:
        """Whose customers nobody may look up, is found out when the order stands."""
        blind = scene.shop.hire("blind", ["orders.view_own_order", "orders.add_own_order"])
        before = scene.stored()
        for customer in (scene.me, scene.other):
            response = blind.post(ORDERS, scene.body(customer))
            assert_error(response, 403, "permission_denied")
        assert scene.stored() == before
        next_number = scene.store.order((scene.product, 1))["order_number"]
        assert int(next_number[-6:]) == int(scene.others["order_number"][-6:]) + 1

    def test_one_right_alone(self, scene: Scene) -> None:
        """Who may place any order need not see customers, nor orders that others placed."""
        clerk = scene.shop.hire("clerk", ["orders.add_order"])
        assert clerk.post(ORDERS, scene.body(scene.other)).status_code == 201
        assert_error(clerk.get(ORDERS), 403, "permission_denied")
        agent = scene.shop.hire("agent", ["orders.add_order", "orders.view_own_order"])
        placed = agent.post(ORDERS, scene.body(scene.other)).json()
        assert ids(agent, ORDERS) == {placed["id"]}, "what one made is one's own"


class TestChanging:
    def test_cancelling_ones_own(self, scene: Scene) -> None:
        response = scene.buyer.post(f"{order_url(scene.mine)}cancel/")
        assert response.json()["status"] == "cancelled"
        assert scene.store.stock(scene.product) == 97

    def test_seeing_all_and_changing_ones_own(self, scene: Scene) -> None:
        client = scene.shop.hire("reader", ["orders.view_order", "orders.change_own_order"])
        before = scene.stored()
        assert client.get(order_url(scene.others)).json() == scene.others
        refused = client.post(f"{order_url(scene.others)}cancel/")
        assert_error(refused, 403, "permission_denied")
        assert scene.stored() == before
        assert scene.store.get(f"orders/{scene.others['id']}/") == scene.others
        assert_error(client.post(f"{ORDERS}{uuid.uuid4()}/cancel/"), 404, "not_found")
        theirs = scene.store.customer(user=str(scene.shop.users["reader"].id))
        own = scene.store.order((scene.product, 1), customer=theirs["id"])
        assert client.post(f"{order_url(own)}cancel/").json()["status"] == "cancelled"

    def test_changing_without_seeing(self, scene: Scene) -> None:
        client = scene.shop.hire("canceller", ["orders.change_order"])
        assert_error(client.get(ORDERS), 403, "permission_denied")
        for order in (scene.mine, scene.others):
            cancelled = client.post(f"{order_url(order)}cancel/").json()
            assert cancelled["status"] == "cancelled"
        narrow = scene.shop.hire("narrow", ["orders.change_own_order"])
        assert_like_unknown(narrow, "post", ORDERS + "{}/cancel/", scene.others["id"])

    def test_a_row_may_not_be_given_away(self, scene: Scene) -> None:
        client = scene.shop.hire("self", ["orders.view_own_customer", "orders.change_own_customer"])
        me, staff = (str(scene.shop.users[name].id) for name in ("self", "staff"))
        card = scene.store.customer(user=me)
        url = f"{CUSTOMERS}{card['id']}/"
        assert client.patch(url, {"name": "Abe"}).json()["name"] == "Abe"
        for user in (staff, None):
            response = client.patch(url, {"user": user, "name": "Given"})
            assert_error(response, 403, "permission_denied")
        after = scene.store.get(f"customers/{card['id']}/")
        assert (after["user"], after["name"]) == (me, "Abe")
        theirs = f"{CUSTOMERS}{scene.other['id']}/"
        assert_error(client.patch(theirs, {"user": me}), 404, "not_found")
        assert_error(client.delete(url), 403, "permission_denied")

    def test_adding_ones_own_customer(self, scene: Scene) -> None:
        client = scene.shop.hire("joiner", ["orders.add_own_customer", "orders.view_own_customer"])
        me, staff = (str(scene.shop.users[name].id) for name in ("joiner", "staff"))
        for user in ({"user": staff}, {"user": None}, {}):
            refused = client.post(CUSTOMERS, {"name": "Abe", **user})
            assert_error(refused, 403, "permission_denied")
        made = client.post(CUSTOMERS, {"name": "Abe", "user": me})
        assert made.status_code == 201, made.json()
        assert ids(client, CUSTOMERS) == {made.json()["id"]}


class TestCustomersLogin:
    def test_it_is_a_members(self, scene: Scene, neighbour: Shop) -> None:
        """A stranger's id answers as one that nobody has."""
        answers = []
        for user in (str(neighbour.users["owner"].id), str(uuid.uuid4())):
            response = scene.store.client.post(CUSTOMERS, {"name": "Abe", "user": user})
            assert set(assert_error(response, 400, "validation_error")) == {"user"}
            answers.append(outward(response, user))
        assert answers[0] == answers[1]


class TestElsewhereThanHttp:
    """Exports and bulk writes start from the same querysets."""

    RULES = (OwnRows("customer__user"),)

    def owner(self, scene: Scene, *scopes: str) -> Actor:
        person = scene.shop.users["buyer"]
        roles, held = frozenset({"owner"}), frozenset(scopes)
        return Actor(person.id, person.name, person.email, roles, scopes=held or None)

    def test_a_keys_scopes_bind_its_maker(self, scene: Scene) -> None:
        with scene.shop.entered():
            info = context.tenant()
            for scope, seen in (
                ("orders.view_own_order", {scene.mine["id"]}),
                ("orders.view_order", {scene.mine["id"], scene.others["id"]}),
            ):
                with context.acting(info, self.owner(scene, scope)):
                    rows = readable(self.RULES, Order.objects.all(), "orders.view_order")
                    assert {str(row.id) for row in rows} == seen

    def test_many_rows_cost_one_statement(self, scene: Scene) -> None:
        orders = [uuid.UUID(each["id"]) for each in (scene.mine, scene.others)]
        right = "orders.change_order"
        with scene.shop.entered():
            info = context.tenant()
            with context.acting(info, self.owner(scene, "orders.change_own_order")):
                for chosen, allowed in ((orders[:1], True), (orders, False), ([], True)):
                    with recorded_statements() as statements:
                        refused = refusal(self.RULES, Order.objects.all(), right, chosen)
                    assert (refused is None) is allowed
                    assert len(statements) <= 1
            with context.acting(info, self.owner(scene)), recorded_statements() as statements:
                assert refusal(self.RULES, Order.objects.all(), right, orders) is None
                assert readable(self.RULES, Customer.objects.all()).query
            assert statements == []

"""Which rights there are, and who holds them."""

from __future__ import annotations

import uuid

import pytest

from noren_kit.accounts import tokens
from noren_kit.accounts.rights import (
    LADDER,
    actor_may,
    broad,
    has_role,
    holds_all,
    may,
    missing,
    own,
)
from noren_kit.api.registry import known_rights, role_rights
from noren_kit.core import context
from noren_kit.core.context import Actor
from noren_kit.testing.shops import Client, Shop, make_superuser

ME = "/api/auth/me/"


def actor(
    *roles: str,
    permissions: tuple[str, ...] = (),
    scopes: tuple[str, ...] | None = None,
    superuser: bool = False,
) -> Actor:
    return Actor(
        uuid.uuid4(),
        "Sato",
        "sato@example.com",
        frozenset(roles),
        frozenset(permissions),
        is_superuser=superuser,
        scopes=None if scopes is None else frozenset(scopes),
    )


@pytest.mark.parametrize(
    ("right", "least"),
    [
        ("catalog.view_product", "viewer"),
        ("catalog.add_product", "staff"),
        ("orders.change_order", "staff"),
        ("orders.change_own_order", "staff"),
        ("catalog.delete_product", "manager"),
        ("catalog.manage_approval", "manager"),
        ("catalog.override_price_floor", "manager"),
        ("accounts.view_membership", "viewer"),
        ("accounts.change_membership", "owner"),
        ("accounts.add_role", "owner"),
        ("accounts.view_apikey", "owner"),
        ("accounts.view_own_apikey", "owner"),
        ("accounts.add_apikey", "owner"),
        ("tenancy.view_tenant", "viewer"),
        ("tenancy.manage_settings", "owner"),
        ("webhooks.view_endpoint", "viewer"),
        ("webhooks.add_endpoint", "owner"),
        ("audit.view_entry", "manager"),
        ("audit.view_own_entry", "manager"),
        ("catalog.unheard_of", "owner"),
    ],
)
def test_built_in_roles(right: str, least: str) -> None:
    holders = [role for role in LADDER if actor_may(actor(role), right)]
    assert holders == list(LADDER[LADDER.index(least) :])


def test_a_role_that_is_unknown_grants_nothing() -> None:
    assert not actor_may(actor("buyer"), "catalog.view_product")
    assert not may("catalog.view_product"), "nobody acts"


def test_the_right_over_all_rows_includes_that_over_ones_own() -> None:
    assert own("orders.view_order") == "orders.view_own_order"
    assert broad("orders.view_own_order") == broad("orders.view_order") == "orders.view_order"
    assert broad("my_own_app.view_own_order") == "my_own_app.view_order"
    wide, narrow = (
        actor(permissions=("orders.view_order",)),
        actor(permissions=("orders.view_own_order",)),
    )
    assert holds_all(wide, ["orders.view_order", "orders.view_own_order"])
    assert missing(narrow, ["orders.view_order", "orders.view_own_order"]) == {"orders.view_order"}


class TestKeys:
    SCOPES = ("catalog.view_product", "catalog.delete_product", "orders.view_order")

    @pytest.mark.parametrize(
        ("maker", "held"),
        [
            (actor("owner", scopes=SCOPES), set(SCOPES)),
            (actor(superuser=True, scopes=SCOPES), set(SCOPES)),
            (actor("staff", scopes=SCOPES), {"catalog.view_product", "orders.view_order"}),
            (actor("buyer", permissions=("orders.view_own_order",), scopes=SCOPES), set()),
            (actor("owner", scopes=()), set()),
        ],
    )
    def test_they_may_what_both_they_and_their_maker_may(
        self, maker: Actor, held: set[str]
    ) -> None:
        with context.acting(None, maker):
            assert {right for right in known_rights() if may(right) and "_own_" not in right} == (
                held
            )

    def test_of_a_buyers_rows_a_wide_scope_shows_the_buyers_own(self) -> None:
        key = actor(
            permissions=("orders.view_own_order",), scopes=("orders.view_order", "orders.add_order")
        )
        assert actor_may(key, "orders.view_own_order")
        assert not actor_may(key, "orders.view_order")
        assert not actor_may(key, "orders.add_own_order")

    def test_they_hold_no_role(self) -> None:
        for key in (actor("owner", scopes=("*",)), actor(superuser=True, scopes=("*",))):
            assert not any(has_role(key, role) for role in LADDER)


class TestLadder:
    def test_whoever_stands_higher_holds_what_is_below(self) -> None:
        for at, role in enumerate(LADDER):
            held = [each for each in LADDER if has_role(actor(role), each)]
            assert held == list(LADDER[: at + 1])

    def test_a_tenants_own_role_is_beside_it(self) -> None:
        assert has_role(actor("buyer"), "buyer")
        assert not has_role(actor("owner"), "buyer")
        assert not any(has_role(actor("buyer"), role) for role in LADDER)
        assert has_role(actor(superuser=True), "buyer")


class TestKnownRights:
    def test_they_are_those_that_something_asks_for(self) -> None:
        known = known_rights()
        assert known >= {
            "catalog.delete_product",
            "inventory.change_stockitem",
            "inventory.view_stockmovement",
            "catalog.manage_approval",
            "catalog.override_price_floor",
            "orders.view_order",
            "orders.view_own_order",
            "orders.add_own_order",
            "orders.change_own_order",
            "orders.view_own_customer",
        }
        unasked = {"orders.delete_order", "orders.delete_own_order", "catalog.view_own_product"}
        assert not known & unasked

    def test_of_a_role(self) -> None:
        viewer, staff, manager, owner = (role_rights(role) for role in LADDER)
        assert viewer < staff < manager <= owner == known_rights()
        assert all(right.partition(".")[2].startswith("view_") for right in viewer)
        listed = ["orders.view_order", "orders.unheard_of"]
        assert role_rights("buyer", listed) == {"orders.view_order", "orders.view_own_order"}
        assert role_rights("buyer") == frozenset()


class TestMe:
    def permissions(self, client: Client) -> list[str]:
        found: list[str] = client.get(ME).json()["permissions"]
        return found

    def test_it_lists_the_rights_of_each_role(self, shop: Shop) -> None:
        for role in LADDER:
            assert self.permissions(shop.client(role)) == sorted(role_rights(role))

    def test_it_lists_what_exists_of_an_own_role(self, shop: Shop) -> None:
        client = shop.hire("buyer", ["orders.view_own_order", "orders.unheard_of"])
        assert self.permissions(client) == ["orders.view_own_order"]

    def test_platform_staff_hold_all(self, shop: Shop) -> None:
        token = tokens.open_session(user=make_superuser(), affiliation=None).access
        client = Client(token, HTTP_X_TENANT_ID=str(shop.tenant.id))
        assert self.permissions(client) == sorted(known_rights())

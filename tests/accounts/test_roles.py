"""Roles: four are everybody's and stay; a tenant's own grant what their makers hold."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from granting import ADMIN, MEMBERS, ROLES, admin, entries, hire, make_key, member, role
from noren_kit.accounts.granting import lock_grants
from noren_kit.accounts.members import invite
from noren_kit.accounts.models import MembershipRole, Role
from noren_kit.accounts.roles import delete_role
from noren_kit.api.registry import known_rights
from noren_kit.audit.models import AccessEntry
from noren_kit.testing.answers import assert_error, outward
from noren_kit.testing.contract import CursorContract, ListContract
from noren_kit.testing.races import race
from noren_kit.testing.shops import Client, Shop

Kind = AccessEntry.Kind
READING = ["catalog.view_brand", "catalog.view_product"]
TILL = {"slug": "till", "name": "Till", "permissions": READING}


class TestRole(ListContract, CursorContract):
    path = "roles"
    create = TILL
    only = {"built_in": "false"}

    def distinct(self, number: int) -> dict[str, Any]:
        return {"slug": f"till-{number}"}


@pytest.fixture
def client(shop: Shop) -> Client:
    return shop.client()


def made(client: Client, **values: Any) -> Any:
    response = client.post(ROLES, {**TILL, **values})
    assert response.status_code == 201, response.json()
    return response.json()


# The built-in ones


def test_built_in_roles_state_their_rights(client: Client) -> None:
    rows = {row["slug"]: row for row in client.get(f"{ROLES}?built_in=true").json()["results"]}
    assert set(rows) == {"viewer", "staff", "manager", "owner"}
    rights = {slug: set(row["permissions"]) for slug, row in rows.items()}
    assert rights["viewer"] < rights["staff"] < rights["manager"] < rights["owner"]
    assert rights["owner"] == known_rights()
    assert {"catalog.view_product"} <= rights["viewer"]
    assert "accounts.add_role" not in rights["manager"]
    assert all(row["built_in"] for row in rows.values())


@pytest.mark.parametrize("slug", ["viewer", "staff", "manager", "owner"])
def test_built_in_roles_stay_as_they_are(client: Client, shop: Shop, slug: str) -> None:
    url = f"{ROLES}{role(shop, slug)}/"
    before = client.get(url).json()
    assert_error(client.patch(url, {"permissions": READING}), 403, "built_in_role")
    assert_error(client.patch(url, {"name": "Boss"}), 403, "built_in_role")
    assert_error(client.delete(url), 403, "built_in_role")
    assert_error(client.post(ROLES, {**TILL, "slug": slug}), 409, "duplicate")
    assert client.get(url).json() == before


# The tenant's own


def test_a_role_of_ones_own(client: Client, shop: Shop) -> None:
    row = made(client, permissions=[*READING, READING[0]])
    assert row["permissions"] == READING
    assert row["built_in"] is False
    assert row["created_by"]["id"] == str(shop.users["owner"].id)
    hire(shop, "clerk", roles=("till",))
    clerk = shop.client("clerk")
    assert clerk.get("/api/v1/products/").status_code == 200
    assert_error(clerk.get("/api/v1/categories/"), 403)
    url = f"{ROLES}{row['id']}/"
    changed = client.patch(url, {"permissions": ["catalog.view_category"], "name": "Desk"})
    assert changed.json()["permissions"] == ["catalog.view_category"]
    assert changed.json()["name"] == "Desk"
    assert_error(clerk.get("/api/v1/products/"), 403)
    assert clerk.get("/api/v1/categories/").status_code == 200
    assert client.patch(url, {}).json() == changed.json()
    [created], [entry] = entries(shop, Kind.ROLE_CREATED), entries(shop, Kind.ROLE_CHANGED)
    assert created.details == {"role_id": row["id"], "slug": "till", "permissions": READING}
    assert entry.details["changes"] == {
        "name": ["Till", "Desk"],
        "permissions": [READING, ["catalog.view_category"]],
    }


def test_a_slug_is_taken_once(client: Client, neighbour: Shop) -> None:
    row = made(client)
    details = assert_error(client.post(ROLES, TILL), 409, "duplicate")
    assert set(details) == {"slug"}
    made(neighbour.client())
    assert client.delete(f"{ROLES}{row['id']}/").status_code == 204
    made(client)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"slug": ""}, "slug"),
        ({"slug": "a b"}, "slug"),
        ({"slug": "ｔill"}, "slug"),
        ({"slug": "x" * 51}, "slug"),
        ({"name": ""}, "name"),
        ({"permissions": "*"}, "permissions"),
        ({"permissions": ["*"]}, "permissions"),
        ({"permissions": ["catalog.*"]}, "permissions"),
        ({"permissions": [None]}, "permissions"),
        ({"permissions": [["catalog.view_product"]]}, "permissions"),
        ({"permissions": ["catalog.view_product"] * 501}, "permissions"),
        ({"built_in": True}, "built_in"),
        ({"tenant_id": "x"}, "tenant_id"),
    ],
)
def test_roles_that_are_none(client: Client, change: dict[str, Any], named: str) -> None:
    details = assert_error(client.post(ROLES, {**TILL, **change}), 400, "validation_error")
    assert set(details) == {named}
    assert client.get(f"{ROLES}?built_in=false").json()["count"] == 0


def test_unknown_rights_are_named_by_index(client: Client) -> None:
    wrong = ["catalog.view_product", "catalog.view_nothing", "Catalog.view_product", ""]
    details = assert_error(client.post(ROLES, {**TILL, "permissions": wrong}), 400)
    assert set(details["permissions"]) == {"3"}
    details = assert_error(client.post(ROLES, {**TILL, "permissions": wrong[:3]}), 400)
    assert {
        at: [each["code"] for each in faults] for at, faults in details["permissions"].items()
    } == {
        "1": ["unknown"],
        "2": ["unknown"],
    }
    row = made(client)
    response = client.patch(f"{ROLES}{row['id']}/", {"permissions": wrong[:3]})
    assert set(assert_error(response, 400)["permissions"]) == {"1", "2"}


def test_a_slug_stays(client: Client) -> None:
    url = f"{ROLES}{made(client)['id']}/"
    details = assert_error(client.patch(url, {"slug": "owner"}), 400, "validation_error")
    assert [fault["code"] for fault in details["slug"]] == ["read_only"]


# Who grants what


def test_nobody_makes_a_role_of_more_than_they_hold(shop: Shop) -> None:
    client = admin(shop)
    more = ["catalog.view_product", "catalog.delete_product", "tenancy.change_tenant"]
    details = assert_error(client.post(ROLES, {**TILL, "permissions": more}), 403)
    assert details == {"missing": more[1:]}
    assert made(client, permissions=more[:1])["permissions"] == more[:1]


def test_nobody_widens_their_own_role(shop: Shop) -> None:
    client = admin(shop)
    url = f"{ROLES}{role(shop, 'admin')}/"
    response = client.patch(url, {"permissions": [*ADMIN, "catalog.delete_product"]})
    details = assert_error(response, 403, "grants_too_much")
    assert details == {"missing": ["catalog.delete_product"]}
    assert_error(client.delete("/api/v1/products/" + str(uuid.uuid4()) + "/"), 403)
    assert client.patch(url, {"permissions": ADMIN[1:]}).status_code == 200


def test_a_role_of_more_is_out_of_reach(shop: Shop) -> None:
    row = made(shop.client(), permissions=["catalog.delete_product"])
    client, url = admin(shop), f"{ROLES}{row['id']}/"
    assert_error(client.patch(url, {"permissions": []}), 403, "outranked")
    assert_error(client.patch(url, {"name": "Mine"}), 403, "outranked")
    assert_error(client.delete(url), 403, "outranked")


def test_a_key_makes_roles_within_its_scopes(shop: Shop) -> None:
    client, _key = make_key(shop, "owner", "accounts.add_role", "catalog.view_brand")
    assert_error(client.post(ROLES, TILL), 403, "grants_too_much")
    within = {**TILL, "permissions": ["catalog.view_brand"]}
    assert client.post(ROLES, within).status_code == 201


def test_only_owners_change_roles(shop: Shop) -> None:
    for name in ("viewer", "staff", "manager"):
        client = shop.client(name)
        assert client.get(ROLES).status_code == 200
        assert_error(client.post(ROLES, TILL), 403, "permission_denied")


# Deleting


def test_a_role_that_is_held_stays(client: Client, shop: Shop) -> None:
    row = made(client)
    url = f"{ROLES}{row['id']}/"
    hire(shop, "clerk", roles=("till",))
    assert_error(client.delete(url), 409, "in_use")
    client.patch(f"{MEMBERS}{member(shop, 'clerk')}/", {"roles": ["viewer"]})
    made_out = client.post(MEMBERS, {"email": "a@example.com", "roles": ["till"]}).json()
    assert_error(client.delete(url), 409, "in_use")
    client.delete(f"{MEMBERS}{made_out['id']}/")
    assert client.delete(url).status_code == 204
    assert_error(client.get(url), 404)
    [entry] = entries(shop, Kind.ROLE_DELETED)
    assert entry.details == {"role_id": row["id"], "slug": "till"}


def test_a_role_given_while_it_is_deleted(shop: Shop) -> None:
    """Either it is held and stays, or it is gone and was not given."""
    made(shop.client())
    acts = iter(["delete", "give", "delete", "give"])

    def act() -> str:
        if next(acts) == "delete":
            lock_grants()
            delete_role(role=Role.objects.get(slug="till"), known=known_rights())
            return "deleted"
        address = f"{uuid.uuid4().hex}@example.com"
        invite(email=address, name="", roles=["till"], known=known_rights())
        return "given"

    outcomes = race(4, shop.entered, act)
    with shop.entered():
        is_there = Role.objects.filter(slug="till").exists()
        held = MembershipRole.objects.filter(role__slug="till").count()
    assert ("deleted" in outcomes) != ("given" in outcomes), outcomes
    assert is_there == ("given" in outcomes)
    assert held == outcomes.count("given")


def test_another_tenants_roles_are_unknown(client: Client, neighbour: Shop) -> None:
    foreign, unknown = made(neighbour.client())["id"], str(uuid.uuid4())
    for verb, body in (("get", None), ("patch", {"name": "x"}), ("delete", None)):
        answers = [getattr(client, verb)(f"{ROLES}{each}/", body) for each in (foreign, unknown)]
        assert_error(answers[0], 404, "not_found")
        assert outward(answers[0], foreign) == outward(answers[1], unknown)

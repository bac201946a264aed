"""The entered tenant's own settings: every member reads them, the owner changes them."""

from __future__ import annotations

from typing import Any

import pytest

from granting import SETTINGS, entries, hire, make_key, platform
from noren_kit.audit.models import AccessEntry
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.answers import assert_error
from noren_kit.testing.shops import Client, Shop


def test_every_member_reads(shop: Shop) -> None:
    hire(shop, "roleless")
    shown = shop.client().get(SETTINGS)
    assert shown.status_code == 200
    assert shown.json()["currency"] == "JPY"
    for name in ("viewer", "staff", "manager", "roleless"):
        assert shop.client(name).get(SETTINGS).json() == shown.json()
    assert_error(Client().get(SETTINGS), 401)
    assert_error(platform().get(SETTINGS), 403)
    entered = platform(HTTP_X_TENANT_ID=str(shop.tenant.id))
    assert entered.get(SETTINGS).json() == shown.json()


def test_a_key_needs_its_scope(shop: Shop) -> None:
    without, _id = make_key(shop, "owner", "catalog.view_product")
    reading, _id = make_key(shop, "owner", "tenancy.view_tenant")
    writing, _id = make_key(shop, "owner", "tenancy.change_tenant")
    assert_error(without.get(SETTINGS), 403)
    assert reading.get(SETTINGS).status_code == 200
    assert_error(reading.patch(SETTINGS, {"name": "X"}), 403)
    assert writing.patch(SETTINGS, {"name": "X"}).status_code == 200


def test_only_owners_change_them(shop: Shop) -> None:
    for name in ("viewer", "staff", "manager"):
        assert_error(shop.client(name).patch(SETTINGS, {"name": "X"}), 403, "permission_denied")
    hire(shop, "keeper", "tenancy.change_tenant")
    assert shop.client("keeper").patch(SETTINGS, {"name": "X"}).status_code == 200


def test_a_change_counts_at_once_and_for_this_tenant_alone(shop: Shop, neighbour: Shop) -> None:
    client = shop.client()
    before = neighbour.client().get(SETTINGS).json()
    change = {
        "name": "Hanabi Tea",
        "standard_tax_rate": "8.50",
        "tax_rounding": "ceil",
        "prices_include_tax": True,
        "locale": "ja",
        "time_zone": "Asia/Tokyo",
        "require_if_match": True,
    }
    changed = client.patch(SETTINGS, change)
    assert changed.status_code == 200
    assert {name: changed.json()[name] for name in change} == change
    assert client.get(SETTINGS).json() == changed.json()
    assert client.get("/api/auth/me/").json()["tenant"]["name"] == "Hanabi Tea"
    assert client.patch(SETTINGS, {}).json() == changed.json()
    assert neighbour.client().get(SETTINGS).json() == before
    [entry] = entries(shop, AccessEntry.Kind.TENANT_CHANGED)
    assert set(entry.details["changes"]) == set(change)
    assert entry.actor_id == shop.users["owner"].id


@pytest.mark.parametrize("name", ["currency", "slug", "status", "requests_per_hour", "id"])
def test_what_is_the_platforms_to_set(shop: Shop, name: str) -> None:
    response = shop.client().patch(SETTINGS, {name: None, "name": "X"})
    details = assert_error(response, 400, "validation_error")
    assert [fault["code"] for fault in details[name]] == ["read_only"]
    assert Tenant.objects.get(id=shop.tenant.id).name == "Hanabi"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": "\u200b"}, "name"),
        ({"name": None}, "name"),
        ({"standard_tax_rate": "101"}, "standard_tax_rate"),
        ({"standard_tax_rate": "1e1"}, "standard_tax_rate"),
        ({"tax_rounding": "bankers"}, "tax_rounding"),
        ({"prices_include_tax": 1}, "prices_include_tax"),
        ({"locale": "xx"}, "locale"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"tenant_id": "x"}, "tenant_id"),
    ],
)
def test_settings_that_are_none(shop: Shop, change: dict[str, Any], named: str) -> None:
    details = assert_error(shop.client().patch(SETTINGS, change), 400, "validation_error")
    assert set(details) == {named}


def test_it_takes_no_parameters(shop: Shop) -> None:
    client = shop.client()
    assert_error(client.get(f"{SETTINGS}?page=1"), 400)
    assert_error(client.patch(f"{SETTINGS}?fields=id", {}), 400)
    for verb in ("post", "put", "delete"):
        assert_error(getattr(client, verb)(SETTINGS), 405)

"""API keys over HTTP: a secret is shown once, and opens no more than its maker may."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.utils import timezone

from granting import KEYS, admin, entries, make_key, platform, with_key
from noren_kit.accounts.models import ApiKey
from noren_kit.audit.models import AccessEntry
from noren_kit.testing.answers import assert_error, outward
from noren_kit.testing.contract import CursorContract, ListContract
from noren_kit.testing.shops import Client, Shop

Kind = AccessEntry.Kind
PRODUCTS, BRANDS = "/api/v1/products/", "/api/v1/brands/"
READING = ["catalog.view_product"]
TILL = {"name": "Till", "scopes": READING}


class TestApiKey(ListContract, CursorContract):
    path = "api-keys"
    create = TILL


@pytest.fixture
def client(shop: Shop) -> Client:
    return shop.client()


def issued(client: Client, **values: Any) -> Any:
    response = client.post(KEYS, {**TILL, **values})
    assert response.status_code == 201, response.json()
    return response.json()


def in_hours(hours: float) -> str:
    return (timezone.now() + dt.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# Making


def test_a_secret_is_shown_once(client: Client, shop: Shop) -> None:
    expiry = in_hours(1)
    body = {**TILL, "expires_at": expiry, "networks": ["127.0.0.0/8", "2001:DB8::/32"]}
    response = client.post(KEYS, body)
    row = response.json()
    assert response.status_code == 201
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Location"].endswith(f"{KEYS}{row['id']}/")
    secret = row.pop("secret")
    assert row["prefix"] in secret
    assert row["networks"] == ["127.0.0.0/8", "2001:db8::/32"]
    assert row["expires_at"] == expiry
    assert row["last_used_at"] is None
    assert row["created_by"]["id"] == str(shop.users["owner"].id)
    assert with_key(secret).get(PRODUCTS).status_code == 200
    shown = client.get(f"{KEYS}{row['id']}/")
    assert shown.json() == {**row, "last_used_at": shown.json()["last_used_at"]}
    assert shown.json()["last_used_at"] is not None
    for answer in (shown, client.get(KEYS), client.get("/api/v1/audit/access/")):
        assert secret.split("_", 2)[2] not in answer.text
        assert "digest" not in answer.text
    [entry] = entries(shop, Kind.KEY_CREATED)
    assert entry.details["key_id"] == row["id"]
    assert entry.details["scopes"] == READING


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["*"]}, "scopes"),
        ({"scopes": ["catalog.view_nothing"]}, "scopes"),
        ({"scopes": None}, "scopes"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": 1}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
        ({"networks": "10.0.0.0/8"}, "networks"),
        ({"networks": ["10.0.0.1/8"]}, "networks"),
        ({"networks": ["10.0.0.0/33"]}, "networks"),
        ({"networks": ["10.0.0.0"]}, "networks"),
        ({"networks": ["10.0.0.0/255.0.0.0"]}, "networks"),
        ({"networks": ["2001:db8::1/32"]}, "networks"),
        ({"networks": ["fe80::1%eth0/128"]}, "networks"),
        ({"networks": ["١٠.0.0.0/8"]}, "networks"),
        ({"networks": ["10.0.0.0/8\n"]}, "networks"),
        ({"networks": ["example.com/8"]}, "networks"),
        ({"networks": [None]}, "networks"),
        ({"networks": ["10.0.0.0/8"] * 51}, "networks"),
        ({"prefix": "abcdefghijkl"}, "prefix"),
        ({"digest": "x"}, "digest"),
        ({"secret": "x"}, "secret"),
        ({"created_by": str(uuid.uuid4())}, "created_by"),
        ({"last_used_at": None}, "last_used_at"),
    ],
)
def test_keys_that_are_none(client: Client, change: dict[str, Any], named: str) -> None:
    details = assert_error(client.post(KEYS, {**TILL, **change}), 400, "validation_error")
    assert set(details) == {named}
    assert client.get(KEYS).json()["count"] == 0


def test_nobody_makes_a_key_of_more_than_they_hold(shop: Shop) -> None:
    client = admin(shop)
    more = [*READING, "catalog.delete_product"]
    details = assert_error(client.post(KEYS, {**TILL, "scopes": more}), 403, "grants_too_much")
    assert details == {"missing": more[1:]}
    assert issued(client)["scopes"] == READING


def test_keys_neither_make_nor_change_keys(shop: Shop) -> None:
    """What leaked would outlive its own end, or lift its own limits."""
    rights = ("accounts.add_apikey", "accounts.change_apikey", "accounts.delete_apikey")
    client, key = make_key(shop, "owner", *rights, *READING)
    url = f"{KEYS}{key}/"
    assert_error(client.post(KEYS, TILL), 403, "not_by_key")
    assert_error(client.patch(url, {"expires_at": None}), 403, "not_by_key")
    assert_error(client.post(f"{url}rotate/", {}), 403, "not_by_key")
    assert client.delete(url).status_code == 204


def test_a_key_is_made_by_members_alone(shop: Shop) -> None:
    client = platform(HTTP_X_TENANT_ID=str(shop.tenant.id))
    assert_error(client.post(KEYS, TILL), 403, "not_a_member")
    assert_error(platform().post(KEYS, TILL), 403, "permission_denied")


def test_keys_are_the_owners(shop: Shop) -> None:
    _client, key = make_key(shop, "owner", *READING)
    for name in ("viewer", "staff", "manager"):
        client = shop.client(name)
        for verb, url, body in (
            ("get", KEYS, None),
            ("get", f"{KEYS}{key}/", None),
            ("post", KEYS, TILL),
            ("patch", f"{KEYS}{key}/", {"name": "x"}),
            ("delete", f"{KEYS}{key}/", None),
            ("post", f"{KEYS}{key}/rotate/", {}),
        ):
            assert_error(getattr(client, verb)(url, body), 403, "permission_denied")


# Changing


def test_a_change_counts_at_once(client: Client, shop: Shop) -> None:
    row = issued(client)
    by_key, url = with_key(row["secret"]), f"{KEYS}{row['id']}/"
    assert by_key.get(PRODUCTS).status_code == 200
    changed = client.patch(url, {"scopes": ["catalog.view_brand"], "name": "Desk"})
    assert changed.status_code == 200
    assert "secret" not in changed.json()
    assert_error(by_key.get(PRODUCTS), 403)
    assert by_key.get(BRANDS).status_code == 200
    assert client.patch(url, {"networks": ["192.0.2.0/24"]}).status_code == 200
    assert_error(by_key.get(BRANDS), 401)
    assert client.patch(url, {"networks": [], "expires_at": in_hours(1)}).status_code == 200
    assert by_key.get(BRANDS).status_code == 200
    assert client.patch(url, {"expires_at": None}).json()["expires_at"] is None
    changes = [entry.details["changes"] for entry in entries(shop, Kind.KEY_CHANGED)]
    assert changes[0] == {"name": ["Till", "Desk"], "scopes": [READING, ["catalog.view_brand"]]}
    assert [set(each) for each in changes[1:]] == [
        {"networks"},
        {"networks", "expires_at"},
        {"expires_at"},
    ]
    assert_error(client.patch(url, {"expires_at": "2020-01-01T00:00:00Z"}), 400)


def test_a_change_leaves_no_key_with_more_than_its_author_holds(shop: Shop) -> None:
    client = admin(shop)
    by_owner, key = make_key(shop, "owner", *READING, "catalog.delete_product")
    url = f"{KEYS}{key}/"
    for change in (
        {"scopes": [*READING, "catalog.change_product"]},
        {"name": "mine"},
        {"networks": []},
        {"expires_at": None},
    ):
        assert_error(client.patch(url, change), 403, "grants_too_much")
    assert client.patch(url, {"scopes": READING}).status_code == 200
    assert by_owner.get(PRODUCTS).status_code == 200
    assert_error(client.patch(url, {"scopes": ["catalog.view_brand"]}), 403, "grants_too_much")


# Rotating and revoking


def test_rotation_gives_a_new_secret_and_an_overlap(client: Client, shop: Shop) -> None:
    row = issued(client)
    url = f"{KEYS}{row['id']}/rotate/"
    before = timezone.now()
    response = client.post(url, {})
    rotated = response.json()
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert rotated["secret"] != row["secret"]
    assert rotated["prefix"] == row["prefix"]
    until = dt.datetime.fromisoformat(rotated["previous_expires_at"])
    assert dt.timedelta(hours=23) < until - before < dt.timedelta(hours=25)
    for secret in (row["secret"], rotated["secret"]):
        assert with_key(secret).get(PRODUCTS).status_code == 200
    last = client.post(url, {"overlap_seconds": 0}).json()
    assert last["previous_expires_at"] is None
    for secret, status in ((row["secret"], 401), (rotated["secret"], 401), (last["secret"], 200)):
        assert with_key(secret).get(PRODUCTS).status_code == status
    log = entries(shop, Kind.KEY_ROTATED)
    assert [entry.details["overlap_seconds"] for entry in log] == [86_400, 0]
    assert all(set(entry.details) == {"key_id", "prefix", "overlap_seconds"} for entry in log)


def test_the_one_before_dies_with_its_overlap(client: Client, shop: Shop) -> None:
    row = issued(client)
    client.post(f"{KEYS}{row['id']}/rotate/", {"overlap_seconds": 604_800})
    assert with_key(row["secret"]).get(PRODUCTS).status_code == 200
    with shop.entered():
        ApiKey.objects.update(previous_expires_at=timezone.now())
    assert_error(with_key(row["secret"]).get(PRODUCTS), 401)


@pytest.mark.parametrize("overlap", [-1, 604_801, "60", 1.5, None, True, 10**30])
def test_overlaps_that_are_none(client: Client, overlap: Any) -> None:
    row = issued(client)
    response = client.post(f"{KEYS}{row['id']}/rotate/", {"overlap_seconds": overlap})
    assert set(assert_error(response, 400, "validation_error")) == {"overlap_seconds"}
    assert with_key(row["secret"]).get(PRODUCTS).status_code == 200


def test_nobody_takes_over_another_persons_key(shop: Shop) -> None:
    """Its secret acts as its maker, and would stay when whoever took it is removed."""
    by_owner, key = make_key(shop, "owner", *READING)
    for client in (admin(shop), platform(HTTP_X_TENANT_ID=str(shop.tenant.id))):
        assert_error(client.post(f"{KEYS}{key}/rotate/", {}), 403, "not_its_maker")
    assert by_owner.get(PRODUCTS).status_code == 200


def test_a_second_rotation_waits_for_the_overlap(client: Client, shop: Shop) -> None:
    deployed, key = make_key(shop, "owner", *READING)
    url = f"{KEYS}{key}/rotate/"
    assert client.post(url, {"overlap_seconds": 60}).status_code == 200
    assert_error(client.post(url, {}), 409, "rotation_in_progress")
    assert deployed.get(PRODUCTS).status_code == 200, "as was promised"
    assert client.post(url, {"overlap_seconds": 0}).status_code == 200
    assert_error(deployed.get(PRODUCTS), 401)


def test_revoking_ends_a_key_at_once(shop: Shop) -> None:
    by_owner, key = make_key(shop, "owner", *READING, "catalog.delete_product")
    assert by_owner.get(PRODUCTS).status_code == 200
    client, url = admin(shop), f"{KEYS}{key}/"
    assert client.delete(url).status_code == 204
    assert_error(by_owner.get(PRODUCTS), 401)
    assert_error(client.get(url), 404)
    assert_error(client.post(f"{url}rotate/", {}), 404)
    [entry] = entries(shop, Kind.KEY_REVOKED)
    assert entry.details["key_id"] == key
    assert entry.actor_name == "admin"


def test_another_tenants_keys_are_unknown(client: Client, neighbour: Shop) -> None:
    by_key, foreign = make_key(neighbour, "owner", *READING)
    unknown = str(uuid.uuid4())
    for verb, path, body in (
        ("get", "", None),
        ("patch", "", {"name": "x"}),
        ("delete", "", None),
        ("post", "rotate/", {}),
    ):
        answers = [
            getattr(client, verb)(f"{KEYS}{each}/{path}", body) for each in (foreign, unknown)
        ]
        assert_error(answers[0], 404, "not_found")
        assert outward(answers[0], foreign) == outward(answers[1], unknown)
    assert by_key.get(PRODUCTS).status_code == 200

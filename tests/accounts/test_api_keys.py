"""What an API key opens: its scopes, of what its maker may now; and what closes it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from noren_kit.accounts import api_keys
from noren_kit.accounts.models import ApiKey, Membership, MembershipRole, Role, User
from noren_kit.audit.models import AccessEntry
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.answers import assert_error, outward
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Client, Shop

PRODUCTS, BRANDS, ME = "/api/v1/products/", "/api/v1/brands/", "/api/auth/me/"
READING = ["catalog.view_product"]


def with_key(text: str, **headers: str) -> Client:
    return Client(HTTP_AUTHORIZATION=f"Api-Key {text}", **headers)


def make_key(shop: Shop, role: str = "owner", **values: Any) -> tuple[str, ApiKey]:
    secret = api_keys.new_secret()
    values.setdefault("scopes", READING)
    with shop.entered(role):
        key = ApiKey.objects.create(
            name="till", prefix=secret.prefix, digest=secret.digest, **values
        )
    return secret.text, key


def entries(shop: Shop, kind: AccessEntry.Kind) -> list[AccessEntry]:
    with shop.entered():
        return list(AccessEntry.objects.filter(kind=kind))


def test_scopes_bound_what_a_key_may(shop: Shop) -> None:
    text, _key = make_key(shop, scopes=[*READING, "catalog.add_brand"])
    client = with_key(text)
    assert client.get(PRODUCTS).status_code == 200
    assert_error(client.get(BRANDS), 403, "permission_denied")
    assert_error(client.post(PRODUCTS, {}), 403, "permission_denied")
    assert client.post(BRANDS, {"name": "Acme"}).status_code == 201


def test_a_key_may_no_more_than_its_maker_now(shop: Shop) -> None:
    text, _key = make_key(shop, "staff", scopes=["catalog.add_brand", "catalog.delete_brand"])
    client = with_key(text)
    made = client.post(BRANDS, {"name": "Acme"})
    assert made.status_code == 201
    assert made.json()["created_by"]["id"] == str(shop.users["staff"].id)
    assert_error(client.delete(f"{BRANDS}{made.json()['id']}/"), 403)
    with shop.entered():
        held = MembershipRole.objects.filter(membership__user=shop.users["staff"])
        held.update(role=Role.objects.get(slug="viewer"))
    assert_error(client.post(BRANDS, {"name": "Bcme"}), 403)


def test_one_statement_enters_and_reads_the_standing(shop: Shop) -> None:
    text, _key = make_key(shop)
    client = with_key(text)
    client.get(PRODUCTS)
    with recorded_statements() as by_key:
        assert client.get(PRODUCTS).status_code == 200
    with recorded_statements() as by_token:
        assert shop.client().get(PRODUCTS).status_code == 200
    assert len(by_key) == len([each for each in by_token if "noren_affiliations" not in each]) - 1
    assert "noren_key_standing" in by_key[0]


def _expire(shop: Shop, key: ApiKey) -> None:
    with shop.entered():
        ApiKey.objects.filter(id=key.id).update(expires_at=timezone.now())


def _revoke(shop: Shop, key: ApiKey) -> None:
    with shop.entered():
        ApiKey.objects.filter(id=key.id).touch(deleted_at=timezone.now())


def _remove_maker(shop: Shop, key: ApiKey) -> None:
    with shop.entered():
        Membership.objects.filter(user=shop.users["owner"]).touch(deleted_at=timezone.now())


def _disable_maker(shop: Shop, key: ApiKey) -> None:
    User.objects.filter(id=shop.users["owner"].id).update(is_active=False)


def _suspend(shop: Shop, key: ApiKey) -> None:
    Tenant.objects.using("platform").filter(id=shop.tenant.id).update(status="suspended")


@pytest.mark.parametrize("end", [_expire, _revoke, _remove_maker, _disable_maker, _suspend])
def test_what_ends_a_key_ends_it_at_once(shop: Shop, end: Callable[[Shop, ApiKey], None]) -> None:
    text, key = make_key(shop)
    client = with_key(text)
    assert client.get(PRODUCTS).status_code == 200
    end(shop, key)
    refused = client.get(PRODUCTS)
    assert_error(refused, 401)
    stranger = with_key(api_keys.new_secret().text)
    assert outward(refused) == outward(stranger.get(PRODUCTS)), "no word of why"


def test_networks(shop: Shop) -> None:
    text, _key = make_key(shop, networks=["10.1.0.0/16", "2001:db8::/32"])
    for address, status in (
        ("10.1.2.3", 200),
        ("2001:db8::7", 200),
        ("10.2.0.1", 401),
        ("127.0.0.1", 401),
        ("", 401),
        ("unknown", 401),
    ):
        assert with_key(text, REMOTE_ADDR=address).get(PRODUCTS).status_code == status, address


def test_the_one_before_opens_until_its_overlap_ends(shop: Shop) -> None:
    text, key = make_key(shop)
    newer = api_keys.new_secret(key.prefix)
    until = timezone.now() + dt.timedelta(minutes=5)
    with shop.entered():
        keys = ApiKey.objects.filter(id=key.id)
        keys.update(digest=newer.digest, previous_digest=key.digest, previous_expires_at=until)
    assert with_key(text).get(PRODUCTS).status_code == 200
    assert with_key(newer.text).get(PRODUCTS).status_code == 200
    with shop.entered():
        keys.update(previous_expires_at=timezone.now())
    assert_error(with_key(text).get(PRODUCTS), 401)
    assert with_key(newer.text).get(PRODUCTS).status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nrn_",
        "nrn_abcdefghijkl_",
        "nrn_abcdefghijkl_" + "x" * 43,
        "nrn_abcdefghijkl_" + "x" * 44,
        "nrn_ABCDEFGHIJKL_" + "x" * 43,
        "nrn_abcdefghijkl_" + "é" * 43,
        "nrn_abcdefghijkl_" + "x" * 43 + "\t",
        "x" * 4_000,
        "'; --",
    ],
)
def test_what_is_no_key(shop: Shop, text: str) -> None:
    response = with_key(text.encode().decode("latin-1")).get(PRODUCTS)
    assert_error(response, 401)


def test_a_key_names_no_tenant(shop: Shop, neighbour: Shop) -> None:
    text, _key = make_key(shop)
    response = with_key(text, HTTP_X_TENANT_ID=str(neighbour.tenant.id)).get(PRODUCTS)
    assert_error(response, 403, "permission_denied")


def test_use_is_noted_once_a_minute(shop: Shop) -> None:
    text, key = make_key(shop)
    client = with_key(text, REMOTE_ADDR="192.0.2.7")
    for _time in range(3):
        assert client.get(PRODUCTS).status_code == 200
    with shop.entered():
        first = ApiKey.objects.get(id=key.id)
    assert first.last_used_at is not None
    assert first.updated_at == key.updated_at, "being used is no change"
    [entry] = entries(shop, AccessEntry.Kind.KEY_USED)
    assert (entry.credential_id, entry.address) == (key.id, "192.0.2.7")
    assert entry.actor_id == shop.users["owner"].id
    with shop.entered():
        ApiKey.objects.update(last_used_at=timezone.now() - dt.timedelta(seconds=61))
    assert_error(client.get(BRANDS), 403)
    assert len(entries(shop, AccessEntry.Kind.KEY_USED)) == 2, "a use that was refused is one too"

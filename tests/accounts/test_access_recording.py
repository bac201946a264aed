"""Entries in the tenants' logs: there whatever became of the request, and not to be forged."""

from __future__ import annotations

import uuid

import pytest
from django.db import ProgrammingError, transaction
from django.utils import timezone

from noren_kit.audit.models import AccessEntry
from noren_kit.audit.recording import record
from noren_kit.testing.answers import assert_error
from noren_kit.testing.shops import Client, Shop, make_superuser

PRODUCTS = "/api/v1/products/"


def entries(shop: Shop, kind: AccessEntry.Kind) -> list[AccessEntry]:
    with shop.entered():
        return list(AccessEntry.objects.filter(kind=kind).order_by("id"))


def platform_client(shop: Shop) -> Client:
    from noren_kit.accounts import tokens

    token = tokens.open_session(user=make_superuser(), affiliation=None).access
    return Client(token, HTTP_X_TENANT_ID=str(shop.tenant.id), REMOTE_ADDR="192.0.2.9")


def test_each_platform_entry(shop: Shop, neighbour: Shop) -> None:
    client = platform_client(shop)
    answers = [
        client.get(PRODUCTS, headers={"X-Request-ID": "seen"}),
        client.get(f"{PRODUCTS}{uuid.uuid4()}/", headers={"X-Request-ID": "unknown"}),
        client.post(PRODUCTS, {}, headers={"X-Request-ID": "refused"}),
    ]
    assert [each.status_code for each in answers] == [200, 404, 400]
    found = entries(shop, AccessEntry.Kind.PLATFORM_ENTERED)
    assert [each.request_id for each in found] == ["seen", "unknown", "refused"]
    for entry in found:
        assert (entry.actor_name, entry.address) == ("platform", "192.0.2.9")
        assert entry.credential_id is not None
    assert found[0].details == {"method": "GET", "path": PRODUCTS}
    assert entries(neighbour, AccessEntry.Kind.PLATFORM_ENTERED) == []


def test_nobody_else_leaves_one(shop: Shop) -> None:
    client = shop.client()
    assert_error(client.get(PRODUCTS, headers={"X-Tenant-ID": str(shop.tenant.id)}), 403)
    assert client.get(PRODUCTS).status_code == 200
    assert entries(shop, AccessEntry.Kind.PLATFORM_ENTERED) == []


def test_the_application_writes_no_entry_itself(shop: Shop) -> None:
    with shop.entered():
        record(AccessEntry.Kind.SIGNED_OUT)
    [entry] = entries(shop, AccessEntry.Kind.SIGNED_OUT)
    forged = {"kind": entry.kind, "occurred_at": timezone.now(), "actor_name": "somebody"}
    for attempt in (
        lambda: AccessEntry.objects.create(**forged),
        lambda: AccessEntry.objects.filter(id=entry.id).update(actor_name="somebody"),
        lambda: AccessEntry.objects.filter(id=entry.id).delete(),
    ):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            shop.entered(),
            transaction.atomic(),
        ):
            attempt()
    assert [each.actor_name for each in entries(shop, AccessEntry.Kind.SIGNED_OUT)] == [
        entry.actor_name
    ]


def test_an_entry_goes_with_its_effect_outside_of_requests(shop: Shop) -> None:
    with shop.entered():
        record(AccessEntry.Kind.SIGNED_OUT)
        transaction.set_rollback(True)
    assert entries(shop, AccessEntry.Kind.SIGNED_OUT) == []

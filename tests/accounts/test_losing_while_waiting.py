"""What is taken away while a request waits its turn grants nothing any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from granting import KEYS, MEMBERS, entries, make_key
from noren_kit.accounts import tokens
from noren_kit.accounts.granting import lock_grants
from noren_kit.accounts.models import ApiKey, Membership, Role, SignInSession, User
from noren_kit.audit.models import AccessEntry
from noren_kit.tenancy.entering import enter
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.answers import assert_error
from noren_kit.testing.shops import Shop

READING = "catalog.view_product"
GUEST = {"email": "guest@example.com", "roles": ["owner"]}
TILL = {"name": "till", "scopes": [READING]}


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database d ON d.oid = database"
            " WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted)"
        )
        return bool(cursor.fetchone()[0])


def while_waiting(shop: Shop, request: Callable[[], Any], change: Callable[[], Any]) -> Any:
    """The answer to a request that finds the tenant's lock taken, and `change` done meanwhile."""
    answers: list[Any] = []

    def send() -> None:
        try:
            answers.append(request())
        finally:
            connection.close()

    with shop.entered():
        lock_grants()
        sender = threading.Thread(target=send)
        sender.start()
        deadline = time.monotonic() + 4
        while not waits_for_a_lock():
            assert time.monotonic() < deadline, "nobody came to wait"
            time.sleep(0.01)
        change()
    sender.join(20)
    return answers[0]


def end_sessions(shop: Shop) -> None:
    tokens.end_sessions(shop.users["owner"].id, SignInSession.Ending.PASSWORD)


def disable(shop: Shop) -> None:
    User.objects.filter(id=shop.users["owner"].id).update(is_active=False)


def remove(shop: Shop) -> None:
    Membership.objects.filter(user=shop.users["owner"]).touch(deleted_at=timezone.now())


def suspend(shop: Shop) -> None:
    Tenant.objects.using("platform").filter(id=shop.tenant.id).update(status="suspended")


@pytest.mark.parametrize(("path", "body"), [(MEMBERS, GUEST), (KEYS, TILL)], ids=str)
@pytest.mark.parametrize("change", [end_sessions, disable, remove, suspend])
def test_of_a_person(
    shop: Shop, change: Callable[[Shop], None], path: str, body: dict[str, Any]
) -> None:
    client = shop.client("owner")
    answer = while_waiting(shop, lambda: client.post(path, body), lambda: change(shop))
    assert_error(answer, 403, "permission_denied")
    with enter(shop.tenant.id, suspended=True):
        assert not Membership.objects.filter(accepted_at=None).exists()
        assert not ApiKey.objects.exists()


def revoke(key: str) -> None:
    ApiKey.objects.filter(id=key).touch(deleted_at=timezone.now())


def expire(key: str) -> None:
    ApiKey.objects.filter(id=key).update(expires_at=timezone.now())


def narrow(key: str) -> None:
    ApiKey.objects.filter(id=key).update(scopes=[READING])


@pytest.mark.parametrize("change", [revoke, expire, narrow])
def test_of_a_key(shop: Shop, change: Callable[[str], None]) -> None:
    client, key = make_key(shop, "owner", "accounts.add_membership", READING)
    with shop.entered():
        Role.objects.create(slug="reader", name="Reader", permissions=[READING])
    body = {"email": "guest@example.com", "roles": ["reader"]}
    answer = while_waiting(shop, lambda: client.post(MEMBERS, body), lambda: change(key))
    assert_error(answer, 403, "permission_denied")
    assert entries(shop, AccessEntry.Kind.MEMBER_INVITED) == []

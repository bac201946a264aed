"""Refresh tokens: each is spent once, by one caller; a spent one shown again ends its session."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from noren_kit.accounts import tokens
from noren_kit.accounts.models import SignInSession, User
from noren_kit.audit.models import AccessEntry
from noren_kit.core.conf import conf
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.answers import assert_error
from noren_kit.testing.races import race
from noren_kit.testing.shops import PASSWORD, Client, Shop

SIGN_IN, REFRESH, ME = "/api/auth/token/", "/api/auth/token/refresh/", "/api/auth/me/"


def signed_in(shop: Shop, role: str = "staff") -> dict[str, Any]:
    body = {"username": shop.users[role].username, "password": PASSWORD}
    answer: dict[str, Any] = Client().post(SIGN_IN, body).json()
    return answer


def refresh(token: str) -> Any:
    return Client().post(REFRESH, {"refresh": token})


def reaches(access: str) -> bool:
    status = Client(access).get(ME).status_code
    assert status in (200, 401)
    return bool(status == 200)


def test_a_new_pair_each_time(shop: Shop) -> None:
    pair = signed_in(shop)
    seen = {pair["refresh"]}
    for _round in range(3):
        response = refresh(pair["refresh"])
        assert response.status_code == 200
        pair = response.json()
        assert set(pair) == {"access", "refresh"}
        assert response.cookies["noren_refresh"].value == pair["refresh"]
        assert pair["refresh"] not in seen
        seen.add(pair["refresh"])
        assert reaches(pair["access"])
    assert SignInSession.objects.count() == 1


def rotated_long_ago(token: str) -> None:
    """As if the exchange that spent `token` lay further back than the grace."""
    session = tokens.decode(token, "refresh")["sid"]
    SignInSession.objects.filter(id=session).update(
        rotated_at=timezone.now() - dt.timedelta(seconds=conf.REFRESH_GRACE_SECONDS)
    )


def test_a_double_send_gets_the_same_pair(shop: Shop) -> None:
    first = signed_in(shop)
    second = refresh(first["refresh"]).json()
    assert refresh(first["refresh"]).json() == second
    assert reaches(second["access"])
    third = refresh(second["refresh"]).json()
    assert third["refresh"] != second["refresh"]
    assert reaches(third["access"])


def test_a_spent_one_ends_the_session(shop: Shop) -> None:
    first = signed_in(shop)
    second = refresh(first["refresh"]).json()
    rotated_long_ago(first["refresh"])
    other = signed_in(shop)
    assert_error(refresh(first["refresh"]), 401, "invalid_credentials")
    assert_error(refresh(second["refresh"]), 401, "invalid_credentials")
    assert not reaches(first["access"])
    assert not reaches(second["access"])
    assert reaches(other["access"]), "another sign-in of the same person goes on"
    ended = SignInSession.objects.get(ended_at__isnull=False)
    assert ended.ending == SignInSession.Ending.REUSED
    with shop.entered():
        [entry] = AccessEntry.objects.filter(kind=AccessEntry.Kind.TOKEN_REUSED)
    assert (entry.actor_id, entry.credential_id) == (shop.users["staff"].id, ended.id)


def test_one_before_the_last_ends_the_session_at_once(shop: Shop) -> None:
    first = signed_in(shop)
    second = refresh(first["refresh"]).json()
    third = refresh(second["refresh"]).json()
    assert_error(refresh(first["refresh"]), 401, "invalid_credentials")
    assert not reaches(third["access"])


def test_many_at_once_make_one_new_pair(shop: Shop) -> None:
    """Past the view, so that nothing but the database decides."""
    token = signed_in(shop)["refresh"]
    start = threading.Barrier(16)

    def spend(_number: int) -> str:
        try:
            start.wait()
            return tokens.exchange(token).refresh
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        successors = set(pool.map(spend, range(16)))
    assert len(successors) == 1


def test_by_the_cookie_of_this_origin_alone(shop: Shop) -> None:
    token = signed_in(shop)["refresh"]
    client = Client()
    assert_error(client.post(REFRESH, {}), 401, "invalid_credentials")
    client.cookies["noren_refresh"] = token
    for origin in ("https://evil.example", "null", "http://testserver.evil.example", "x"):
        response = client.post(REFRESH, {}, headers={"Origin": origin})
        assert_error(response, 401, "invalid_credentials")
    response = client.post(REFRESH, {}, headers={"Origin": "http://testserver"})
    assert response.status_code == 200, "refused before, so not spent"
    assert response.cookies["noren_refresh"].value == response.json()["refresh"]


def test_by_the_cookie_behind_a_proxy_that_ends_tls(shop: Shop) -> None:
    """The request itself came by http; the page's origin is known from the settings."""
    token, origin = signed_in(shop)["refresh"], "https://shop.example"
    for known, status in (([], 401), (["https://other.example"], 401), ([origin], 200)):
        client = Client()
        client.cookies["noren_refresh"] = token
        with override_settings(NOREN_KIT={**settings.NOREN_KIT, "PUBLIC_ORIGINS": known}):
            response = client.post(REFRESH, {}, headers={"Origin": origin})
        assert response.status_code == status


@pytest.mark.parametrize("kind", ["access", "garbage", "unsigned", "foreign", "empty"])
def test_what_is_no_refresh_token(shop: Shop, kind: str) -> None:
    import jwt
    from cryptography.hazmat.primitives.asymmetric import ec

    pair = signed_in(shop)
    claims = jwt.decode(pair["refresh"], options={"verify_signature": False})
    token = {
        "access": pair["access"],
        "garbage": "x.y.z",
        "unsigned": jwt.encode(claims, None, algorithm="none"),
        "foreign": jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256"),
        "empty": " ",
    }[kind]
    response = refresh(token)
    assert response.status_code in ((400,) if kind == "empty" else (401,)), response.json()
    assert refresh(pair["refresh"]).status_code == 200, "the session goes on"


def test_what_was_taken_away_is_gone_at_refresh(shop: Shop) -> None:
    people = shop.users
    removed, disabled, suspended = (signed_in(shop, each) for each in ("staff", "viewer", "owner"))
    with shop.entered():
        people["staff"].memberships.update(deleted_at="2026-01-01T00:00Z")
    User.objects.filter(id=people["viewer"].id).update(is_active=False)
    for pair in (removed, disabled):
        assert_error(refresh(pair["refresh"]), 401, "invalid_credentials")
    Tenant.objects.using("platform").filter(id=shop.tenant.id).update(status="suspended")
    assert_error(refresh(suspended["refresh"]), 401, "invalid_credentials")


def test_changed_roles_are_in_the_next_pair(shop: Shop) -> None:
    pair = signed_in(shop, "staff")
    from noren_kit.accounts.models import MembershipRole, Role

    with shop.entered():
        held = MembershipRole.objects.get(membership__user=shop.users["staff"])
        MembershipRole.objects.filter(id=held.id).update(role=Role.objects.get(slug="viewer"))
    claims = tokens.decode(refresh(pair["refresh"]).json()["access"], "access")
    assert claims["roles"] == ["viewer"]
    assert claims["is_staff"] is False


def test_a_refused_token_is_not_spent(shop: Shop) -> None:
    """A tenant that was suspended for an hour does not sign its people out."""
    pair = signed_in(shop)
    tenants = Tenant.objects.using("platform").filter(id=shop.tenant.id)
    tenants.update(status="suspended")
    assert_error(refresh(pair["refresh"]), 401, "invalid_credentials")
    tenants.update(status="active")
    assert refresh(pair["refresh"]).status_code == 200
    assert reaches(pair["access"])


def test_a_refresh_brings_nothing_back(shop: Shop) -> None:
    """Signing out and refreshing at once: whoever comes first, the session is over."""
    for _round in range(5):
        token = signed_in(shop)["refresh"]
        acts = itertools.count()

        def act(token: str = token, acts: Any = acts) -> Any:
            if next(acts) == 0:
                return Client().post("/api/auth/logout/", {"refresh": token})
            return refresh(token)

        answers = race(4, nullcontext, act)
        assert {each.status_code for each in answers} <= {200, 204, 401}
        assert [each.status_code for each in answers].count(204) == 1
        for each in answers:
            if each.status_code == 200:
                assert not reaches(each.json()["access"])
                assert_error(refresh(each.json()["refresh"]), 401)

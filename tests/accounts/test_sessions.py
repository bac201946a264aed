"""Sessions looked at, ended, and opened beside each other."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from contextlib import nullcontext
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.utils import timezone

from noren_kit.accounts import api_keys, tokens
from noren_kit.accounts.keys import ALGORITHM, signing_key
from noren_kit.accounts.models import ApiKey, SignInSession, User
from noren_kit.accounts.provisioning import add_member
from noren_kit.audit.models import AccessEntry
from noren_kit.core.keys import new_private_key
from noren_kit.testing.answers import assert_error, outward
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.races import race
from noren_kit.testing.shops import PASSWORD, Client, Shop

AUTH = "/api/auth/"
ME, LOGOUT, ALL, SWITCH = (f"{AUTH}{name}" for name in ("me/", "logout/", "logout/all/", "switch/"))
VERIFY, REFRESH = f"{AUTH}token/verify/", f"{AUTH}token/refresh/"


def signed_in(shop: Shop, role: str = "staff") -> dict[str, Any]:
    body = {"username": shop.users[role].username, "password": PASSWORD}
    answer = Client().post(f"{AUTH}token/", body)
    assert answer.status_code == 200, answer.json()
    return dict(answer.json())


def reaches(access: str) -> bool:
    status = Client(access).get(ME).status_code
    assert status in (200, 401)
    return bool(status == 200)


def verifies(token: str) -> bool:
    response = Client().post(VERIFY, {"token": token})
    assert response.status_code in (200, 401)
    if response.status_code == 401:
        assert_error(response, 401, "invalid_credentials")
    else:
        assert response.json() == {}
    return bool(response.status_code == 200)


def entries(shop: Shop, kind: AccessEntry.Kind) -> list[AccessEntry]:
    with shop.entered():
        return list(AccessEntry.objects.filter(kind=kind).order_by("id"))


def key_client(shop: Shop) -> Client:
    secret = api_keys.new_secret()
    with shop.entered():
        ApiKey.objects.create(
            name="till", prefix=secret.prefix, digest=secret.digest, scopes=["catalog.view_tag"]
        )
    return Client(HTTP_AUTHORIZATION=f"Api-Key {secret.text}")


def test_keys_have_no_session(shop: Shop) -> None:
    client = key_client(shop)
    for path in ("logout/all/", "switch/", "password/change/"):
        assert_error(client.post(AUTH + path, {}), 403, "permission_denied")
    assert_error(client.get(f"{AUTH}invitations/"), 403, "permission_denied")
    assert_error(client.post(LOGOUT, {}), 401)


class TestVerify:
    def test_live_ones(self, shop: Shop) -> None:
        pair = signed_in(shop)
        with recorded_statements() as statements:
            assert verifies(pair["access"])
            assert verifies(pair["refresh"])
        assert len(statements) == 2
        assert all(each.startswith("SELECT") for each in statements)

    def test_a_spent_one_is_none_and_showing_it_ends_nothing(self, shop: Shop) -> None:
        pair = signed_in(shop)
        newer = Client().post(REFRESH, {"refresh": pair["refresh"]}).json()
        SignInSession.objects.update(rotated_at=timezone.now() - dt.timedelta(hours=1))
        assert not verifies(pair["refresh"])
        assert verifies(newer["refresh"])
        assert reaches(newer["access"])

    def test_what_was_taken_away(self, shop: Shop) -> None:
        pair = signed_in(shop)
        for end, back in (({"is_active": False}, {"is_active": True}),):
            User.objects.filter(id=shop.users["staff"].id).update(**end)
            assert not verifies(pair["access"])
            assert not verifies(pair["refresh"])
            User.objects.filter(id=shop.users["staff"].id).update(**back)
        assert verifies(pair["refresh"])
        with shop.entered():
            shop.users["staff"].memberships.update(deleted_at=timezone.now())
        assert not verifies(pair["access"])
        assert not verifies(pair["refresh"])


def test_one_address_may_hold_many_people(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What shows a token of ours is counted for its session, not for where it came from."""
    limits = {**settings.NOREN_KIT["LIMITS"], "refresh": (2, 900)}
    monkeypatch.setitem(settings.NOREN_KIT, "LIMITS", limits)
    pairs = [signed_in(shop) for _number in range(3)]
    for pair in pairs:
        assert verifies(pair["access"])
        assert Client(pair["access"]).post(LOGOUT).status_code == 204
    assert_error(Client().post(VERIFY, {"token": pairs[0]["access"]}), 429, "throttled")


def forged(good: str) -> dict[str, str]:
    """Tokens with the claims of a good one that must open nothing."""
    claims, key = jwt.decode(good, options={"verify_signature": False}), signing_key()
    now = int(timezone.now().timestamp())

    def signed(changes: dict[str, Any], **header: Any) -> str:
        headers = {"kid": key.kid, **header}
        return jwt.encode({**claims, **changes}, key.private, ALGORITHM, headers=headers)

    return {
        "alg none": jwt.encode(claims, None, algorithm="none", headers={"kid": key.kid}),
        "HS256": jwt.encode(claims, "x" * 32, algorithm="HS256", headers={"kid": key.kid}),
        "HS256 by the public key": jwt.encode(
            claims, key.jwk["x"], algorithm="HS256", headers={"kid": key.kid}
        ),
        "unknown kid": signed({}, kid="x"),
        "nbf in the future": signed({"nbf": now + 60}),
        "expired by a second": signed({"iat": now - 61, "exp": now - 1}),
        "iat in the future": signed({"iat": now + 60, "exp": now + 120}),
    }


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_forged_tokens_open_nothing_anywhere(shop: Shop, kind: str) -> None:
    pair = signed_in(shop)
    for label, token in forged(pair[kind]).items():
        assert not verifies(token), label
        assert not reaches(token), label
        for path in (REFRESH, LOGOUT):
            assert_error(Client().post(path, {"refresh": token}), 401, "invalid_credentials")
    assert reaches(pair["access"]), "all of it ended nothing"


class TestLogout:
    def test_by_each_credential(self, shop: Shop) -> None:
        for present in ("access", "refresh", "cookie"):
            pair, other = signed_in(shop), signed_in(shop)
            client = Client(pair["access"] if present == "access" else None)
            if present == "cookie":
                client.cookies["noren_refresh"] = pair["refresh"]
            response = client.post(
                LOGOUT, {"refresh": pair["refresh"]} if present == "refresh" else {}
            )
            assert response.status_code == 204, present
            assert not reaches(pair["access"]), "at once"
            assert not verifies(pair["refresh"])
            assert_error(Client().post(REFRESH, {"refresh": pair["refresh"]}), 401)
            assert reaches(other["access"]), "the other session goes on"
        assert len(entries(shop, AccessEntry.Kind.SIGNED_OUT)) == 3

    def test_the_cookie_is_cleared_as_it_was_set(self, shop: Shop) -> None:
        pair = signed_in(shop)
        cookie = Client(pair["access"]).post(LOGOUT).cookies["noren_refresh"]
        names = ("httponly", "secure", "samesite", "path", "max-age")
        assert {name: cookie[name] for name in names} == {
            "httponly": True,
            "secure": True,
            "samesite": "Lax",
            "path": "/api/auth/",
            "max-age": 0,
        }
        assert cookie.value == ""

    def test_once_more_is_204_and_recorded_once(self, shop: Shop) -> None:
        pair = signed_in(shop)
        for _time in range(2):
            assert Client().post(LOGOUT, {"refresh": pair["refresh"]}).status_code == 204
            assert Client(pair["access"]).post(LOGOUT).status_code == 204
        [entry] = entries(shop, AccessEntry.Kind.SIGNED_OUT)
        assert entry.actor_id == shop.users["staff"].id

    def test_the_body_comes_first_and_a_dead_bearer_does_not_matter(self, shop: Shop) -> None:
        pair, other = signed_in(shop), signed_in(shop)
        assert Client("x.y.z").post(LOGOUT, {"refresh": pair["refresh"]}).status_code == 204
        refused = Client(other["access"]).post(LOGOUT, {"refresh": "x.y.z"})
        assert_error(refused, 401, "invalid_credentials")
        assert reaches(other["access"])

    def test_nothing_valid(self, shop: Shop) -> None:
        for client in (Client(), Client("x.y.z")):
            assert_error(client.post(LOGOUT, {}), 401, "invalid_credentials")

    def test_the_cookie_of_this_origin_alone(self, shop: Shop) -> None:
        pair = signed_in(shop)
        client = Client()
        client.cookies["noren_refresh"] = pair["refresh"]
        refused = client.post(LOGOUT, {}, headers={"Origin": "https://evil.example"})
        assert_error(refused, 401, "invalid_credentials")
        assert reaches(pair["access"])


def test_everywhere(shop: Shop, neighbour: Shop) -> None:
    with neighbour.entered():
        add_member(user=shop.users["staff"], roles=["viewer"])
    body = {"username": shop.users["staff"].username, "password": PASSWORD}
    pairs = [
        Client().post(f"{AUTH}token/", {**body, "tenant_id": str(each.tenant.id)}).json()
        for each in (shop, shop, neighbour)
    ]
    someone = signed_in(shop, "viewer")
    response = Client(pairs[0]["access"]).post(ALL)
    assert response.status_code == 204
    assert response.cookies["noren_refresh"].value == ""
    assert not any(reaches(each["access"]) for each in pairs)
    assert reaches(someone["access"])
    for each in (shop, neighbour):
        [entry] = entries(each, AccessEntry.Kind.SIGNED_OUT_EVERYWHERE)
        assert entry.actor_id == shop.users["staff"].id
    assert_error(Client().post(ALL), 401)
    assert set(assert_error(Client(someone["access"]).post(ALL, {"all": True}), 400)) == {"all"}


class TestSwitch:
    @pytest.fixture
    def both(self, shop: Shop, neighbour: Shop) -> Client:
        """Signed in to the first, a member of the second too."""
        with neighbour.entered():
            add_member(user=shop.users["staff"], roles=["manager"])
        return shop.client("staff")

    def test_to_another_of_mine(self, both: Client, shop: Shop, neighbour: Shop) -> None:
        response = both.post(SWITCH, {"tenant_id": str(neighbour.tenant.id)})
        assert response.status_code == 200
        body = response.json()
        assert set(body) == {"access", "refresh", "user"}
        assert body["user"]["tenant"] == {"id": str(neighbour.tenant.id), "name": "Kawa"}
        assert body["user"]["roles"] == ["manager"]
        assert response.cookies["noren_refresh"].value == body["refresh"]
        assert Client(body["access"]).get(ME).json()["tenant"]["name"] == "Kawa"
        assert both.get(ME).json()["tenant"]["name"] == "Hanabi", "the old session goes on"
        [entry] = entries(neighbour, AccessEntry.Kind.SIGNED_IN)
        assert str(entry.credential_id) == tokens.decode(body["access"], "access")["sid"]
        assert entries(shop, AccessEntry.Kind.SIGNED_IN) == []

    def test_to_the_same(self, both: Client, shop: Shop) -> None:
        assert both.post(SWITCH, {"tenant_id": str(shop.tenant.id)}).status_code == 200

    def test_to_one_of_others_is_to_none(self, shop: Shop, neighbour: Shop) -> None:
        client = shop.client("staff")
        answers = []
        for tenant in (neighbour.tenant.id, uuid.uuid4()):
            with recorded_statements() as statements:
                response = client.post(SWITCH, {"tenant_id": str(tenant)})
            assert set(assert_error(response, 400, "validation_error")) == {"tenant_id"}
            answers.append((outward(response, tenant), statements))
        assert answers[0] == answers[1]

    def test_not_out_of_a_session_that_ends(self, both: Client, neighbour: Shop) -> None:
        """Signing out everywhere and switching at once leaves no session behind."""
        body = {"tenant_id": str(neighbour.tenant.id)}
        header = both._credentials["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
        acts = itertools.count()

        def act() -> int:
            first = next(acts) == 0
            client = Client(header)
            status: int = (client.post(ALL) if first else client.post(SWITCH, body)).status_code
            return status

        answers = race(4, nullcontext, act)
        assert 204 in answers, answers
        assert set(answers) <= {200, 204, 401}, answers
        assert not SignInSession.objects.filter(ended_at=None).exists()


class TestKeySet:
    URL = f"{AUTH}jwks.json"

    def test_all_keys_of_the_ring(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pems = [new_private_key(), new_private_key()]
        monkeypatch.setitem(settings.NOREN_KIT, "JWT_PRIVATE_KEY", "\n".join(pems))
        response = Client().get(self.URL)
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "public, max-age=300"
        shown = response.json()["keys"]
        assert shown[0]["kid"] == signing_key().kid
        assert len(shown) == 2
        assert all(set(each) == {"kty", "crv", "x", "kid", "alg", "use"} for each in shown)

    def test_others_verify_by_it(self, shop: Shop) -> None:
        token = shop.token("owner")
        keys = jwt.PyJWKSet.from_dict(Client().get(self.URL).json())
        key = keys[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(token, key, algorithms=["EdDSA"])
        assert claims["user_id"] == str(shop.users["owner"].id)

    def test_not_changed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        etag = Client().get(self.URL).headers["ETag"]
        same = Client().get(self.URL, headers={"If-None-Match": etag})
        assert (same.status_code, same.content) == (304, b"")
        monkeypatch.setitem(settings.NOREN_KIT, "JWT_PRIVATE_KEY", new_private_key())
        assert Client().get(self.URL, headers={"If-None-Match": etag}).status_code == 200

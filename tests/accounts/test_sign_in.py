"""Signing in: by user name or address, into one of one's tenants, and nothing told to others."""

from __future__ import annotations

import uuid
from typing import Any

import jwt
import pytest

from noren_kit.accounts import tokens
from noren_kit.accounts.keys import signing_key
from noren_kit.accounts.models import SignInSession, User
from noren_kit.accounts.provisioning import add_member
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.answers import assert_error, outward
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import PASSWORD, Client, Shop, make_superuser

URL = "/api/auth/token/"


def sign_in(**body: Any) -> Any:
    return Client().post(URL, {"password": PASSWORD, **body})


def member_of_both(shop: Shop, neighbour: Shop) -> User:
    person = shop.users["staff"]
    with neighbour.entered():
        add_member(user=person, roles=["viewer"])
    return person


def test_the_answer(shop: Shop) -> None:
    person = shop.users["manager"]
    response = sign_in(username=person.username)
    assert response.status_code == 200
    body = response.json()
    assert set(body) == {"access", "refresh", "user"}
    assert body["user"] == {
        "id": str(person.id),
        "email": person.email,
        "name": person.name,
        "tenant": {"id": str(shop.tenant.id), "name": "Hanabi"},
        "roles": ["manager"],
    }
    assert response.headers["Cache-Control"] == "no-store"
    cookie = response.cookies["noren_refresh"]
    assert cookie.value == body["refresh"]
    facts = {name: cookie[name] for name in ("httponly", "secure", "samesite", "path", "max-age")}
    assert facts == {
        "httponly": True,
        "secure": True,
        "samesite": "Lax",
        "path": "/api/auth/",
        "max-age": 7 * 24 * 3600,
    }


def test_the_claims(shop: Shop) -> None:
    for role, is_staff in (("viewer", False), ("staff", True), ("manager", True), ("owner", True)):
        person = shop.users[role]
        access = sign_in(username=person.username).json()["access"]
        header = jwt.get_unverified_header(access)
        assert (header["alg"], header["kid"]) == ("EdDSA", signing_key().kid)
        claims = tokens.decode(access, "access")
        shown = {
            name: claims[name]
            for name in ("user_id", "email", "is_staff", "tenant_id", "tenant_name", "roles")
        }
        assert shown == {
            "user_id": str(person.id),
            "email": person.email,
            "is_staff": is_staff,
            "tenant_id": str(shop.tenant.id),
            "tenant_name": "Hanabi",
            "roles": [role],
        }
        assert claims["exp"] - claims["iat"] == 15 * 60


def test_by_name_or_address_in_any_case(shop: Shop) -> None:
    person = shop.users["owner"]
    for body in (
        {"username": person.username},
        {"username": f"  {person.username.upper()} "},
        {"email": person.email},
        {"email": person.email.upper()},
        {"email": "ｏｗｎｅｒ@hanabi.example"},
    ):
        response = sign_in(**body)
        assert response.status_code == 200, body
        assert response.json()["user"]["id"] == str(person.id)
    assert_error(sign_in(username=person.email), 401)


def test_one_and_the_same_refusal(shop: Shop, neighbour: Shop) -> None:
    person, disabled = shop.users["owner"], shop.users["viewer"]
    User.objects.filter(id=disabled.id).update(is_active=False)
    loner = User.objects.create_user("loner", PASSWORD)
    refused = [
        sign_in(username=person.username, password="wrong"),
        sign_in(username="nobody"),
        sign_in(email="nobody@example.com"),
        sign_in(username=disabled.username),
        sign_in(username=loner.username),
        sign_in(username=person.username, tenant_id=str(neighbour.tenant.id)),
        sign_in(username=person.username, tenant_id=str(uuid.uuid4())),
        sign_in(username=person.username, password=f" {PASSWORD}"),
    ]
    Tenant.objects.using("platform").filter(id=shop.tenant.id).update(status="suspended")
    refused.append(sign_in(username=person.username))
    assert {outward(response).status for response in refused} == {401}
    assert len({str(outward(response)) for response in refused}) == 1
    for response in refused:
        assert_error(response, 401, "invalid_credentials")
        assert "noren_refresh" not in response.cookies
    assert SignInSession.objects.count() == 0


def test_unknown_people_cost_what_known_ones_do(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One statement and one hash, whether there is such a person or not."""
    hashes: list[str] = []
    from django.contrib.auth.hashers import MD5PasswordHasher

    original = MD5PasswordHasher.encode

    def counting(self: Any, password: str, salt: str) -> str:
        hashes.append(salt)
        return str(original(self, password, salt))

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    work = []
    for name in (shop.users["owner"].username, "nobody"):
        hashes.clear()
        with recorded_statements() as statements:
            assert sign_in(username=name, password="wrong").status_code == 401
        work.append((len(hashes), statements))
    assert work[0] == work[1]
    assert work[0][0] == 1


def test_several_tenants(shop: Shop, neighbour: Shop) -> None:
    person = member_of_both(shop, neighbour)
    response = sign_in(username=person.username)
    details = assert_error(response, 400, "tenant_required")
    assert details == {
        "tenants": [
            {"id": str(each.tenant.id), "name": each.tenant.name} for each in (shop, neighbour)
        ]
    }
    for each, roles in ((shop, ["staff"]), (neighbour, ["viewer"])):
        body = sign_in(username=person.username, tenant_id=str(each.tenant.id)).json()
        assert body["user"]["tenant"]["id"] == str(each.tenant.id)
        assert body["user"]["roles"] == roles


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, {"password"}),
        ({"password": "x"}, {"non_field_errors"}),
        ({"username": "x", "email": "x@example.com", "password": "x"}, {"non_field_errors"}),
        ({"username": "x"}, {"password"}),
        ({"username": "", "password": "x"}, {"username"}),
        ({"username": "x", "password": ""}, {"password"}),
        ({"username": 1, "password": "x"}, {"username"}),
        ({"username": "x", "password": ["x"]}, {"password"}),
        ({"username": "x", "password": "x", "tenant_id": "x"}, {"tenant_id"}),
        ({"username": "x" * 151, "password": "x"}, {"username"}),
        ({"username": "x", "password": "x" * 1_001}, {"password"}),
        ({"username": "x", "password": "x", "is_staff": True}, {"is_staff"}),
    ],
)
def test_malformed(body: dict[str, Any], names: set[str]) -> None:
    assert set(assert_error(Client().post(URL, body), 400, "validation_error")) == names


def test_me(shop: Shop) -> None:
    person = shop.users["staff"]
    body = shop.client("staff").get("/api/auth/me/").json()
    assert body.pop("permissions")
    assert body == {
        "id": str(person.id),
        "email": person.email,
        "name": person.name,
        "tenant": {"id": str(shop.tenant.id), "name": "Hanabi"},
        "roles": ["staff"],
        "is_staff": True,
        "is_superuser": False,
    }
    assert_error(Client().get("/api/auth/me/"), 401)


def test_platform_staff_sign_in_without_a_tenant(shop: Shop) -> None:
    make_superuser()
    body = sign_in(username="platform").json()
    assert body["user"]["tenant"] is None
    client = Client(body["access"])
    assert client.get("/api/auth/me/").json()["tenant"] is None
    assert_error(client.get("/api/v1/products/"), 403, "permission_denied")

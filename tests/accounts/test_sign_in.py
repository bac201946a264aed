"""Signing in: by user name or address, into one of one's tenants, and nothing told to others."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from contextlib import nullcontext
from typing import Any

import jwt
import pytest
from django.contrib.auth.hashers import (
    Argon2PasswordHasher,
    MD5PasswordHasher,
    get_hashers,
    get_hashers_by_algorithm,
    make_password,
)
from django.test import override_settings
from django.utils import timezone

from noren_kit.accounts import tokens
from noren_kit.accounts.keys import signing_key
from noren_kit.accounts.models import FailedSignIn, SignInSession, User
from noren_kit.accounts.provisioning import add_member
from noren_kit.accounts.sign_in import Account, Refused, check_credentials, open_session
from noren_kit.accounts.tasks import remove_failed_sign_ins
from noren_kit.audit.models import AccessEntry
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.answers import assert_error, outward
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.races import race
from noren_kit.testing.shops import PASSWORD, Client, Shop, make_shop, make_superuser

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


def counted_hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The salts of all hashes from now on."""
    hashes: list[str] = []
    original = MD5PasswordHasher.encode

    def counting(self: Any, password: str, salt: str) -> str:
        hashes.append(salt)
        return str(original(self, password, salt))

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    return hashes


def failures(shop: Shop, neighbour: Shop) -> dict[str, dict[str, str]]:
    """A body for each way to fail, after which nobody can tell which it was."""
    name, disabled = shop.users["owner"].username, shop.users["viewer"].username
    User.objects.filter(username=disabled).update(is_active=False)
    User.objects.create_user("loner", PASSWORD)
    invited = User.objects.create_user("invited", None)
    with shop.entered():
        add_member(user=invited, roles=["viewer"])
    suspended = make_shop(slug="closed")
    Tenant.objects.using("platform").filter(id=suspended.tenant.id).update(status="suspended")
    return {
        "wrong password": {"username": name, "password": "wrong"},
        "unknown user": {"username": "nobody"},
        "disabled user": {"username": disabled},
        "not a member there": {"username": name, "tenant_id": str(neighbour.tenant.id)},
        "a member of none": {"username": "loner"},
        "suspended tenant": {"username": suspended.users["owner"].username},
        "no usable password": {"username": "invited", "password": "!"},
        "unknown tenant": {"username": name, "tenant_id": str(uuid.uuid4())},
    }


def test_each_failure_is_the_same_work(
    shop: Shop, neighbour: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = failures(shop, neighbour)
    hashes = counted_hashes(monkeypatch)
    work, answers = {}, {}
    for reason, body in bodies.items():
        hashes.clear()
        with recorded_statements() as statements:
            response = sign_in(**body)
        work[reason], answers[reason] = (len(hashes), statements), outward(response)
    assert len({str(each) for each in work.values()}) == 1, work
    assert len({str(each) for each in answers.values()}) == 1, answers
    [(number, statements)] = {(number, tuple(texts)) for number, texts in work.values()}
    assert number == 1
    found, choices, record = statements
    assert 'FROM "accounts_user"' in found
    assert "noren_affiliations" in choices
    assert "accounts_failedsignin" in record
    assert "noren_record_access_of" in record
    assert FailedSignIn.objects.count() == len(bodies), "each leaves one row"


def entries(shop: Shop, kind: AccessEntry.Kind) -> list[AccessEntry]:
    with shop.entered():
        return list(AccessEntry.objects.filter(kind=kind).order_by("occurred_at", "id"))


def test_failures_are_in_the_log_of_each_tenant(shop: Shop, neighbour: Shop) -> None:
    person = member_of_both(shop, neighbour)
    client = Client(REMOTE_ADDR="192.0.2.5")
    body = {"username": person.username, "password": "wrong"}
    client.post(URL, body, headers={"X-Request-ID": "seen"})
    client.post(URL, {**body, "password": PASSWORD, "tenant_id": str(uuid.uuid4())})
    client.post(URL, {**body, "username": "nobody"})
    for each in (shop, neighbour):
        found = entries(each, AccessEntry.Kind.SIGN_IN_FAILED)
        assert [entry.details for entry in found] == [{"reason": "wrong_password"}], (
            "a try at another tenant is not theirs to know"
        )
        assert {(entry.actor_id, entry.address) for entry in found} == {(person.id, "192.0.2.5")}
        assert found[0].request_id == "seen"
    kept = FailedSignIn.objects.order_by("id").values_list("user_id", "reason")
    assert list(kept) == [
        (person.id, "wrong_password"),
        (person.id, "not_a_member"),
        (None, "unknown_user"),
    ]


def test_a_sign_in_is_in_the_log_of_its_tenant(shop: Shop, neighbour: Shop) -> None:
    person = member_of_both(shop, neighbour)
    assert_error(sign_in(username=person.username), 400, "tenant_required")
    assert entries(shop, AccessEntry.Kind.SIGNED_IN) == [], "a question is no sign-in"
    access = sign_in(username=person.username, tenant_id=str(shop.tenant.id)).json()["access"]
    [entry] = entries(shop, AccessEntry.Kind.SIGNED_IN)
    assert entry.actor_id == person.id
    assert str(entry.credential_id) == tokens.decode(access, "access")["sid"]
    assert entries(neighbour, AccessEntry.Kind.SIGNED_IN) == []
    assert FailedSignIn.objects.count() == 0


def test_tenants_are_told_after_the_right_password_alone(shop: Shop, neighbour: Shop) -> None:
    person = member_of_both(shop, neighbour)
    assert_error(sign_in(username=person.username, password="wrong"), 401, "invalid_credentials")


def test_old_failures_are_removed_and_the_others_kept(shop: Shop) -> None:
    now = timezone.now()
    for days in (31, 29, 0):
        assert sign_in(username=shop.users["staff"].username, password="wrong").status_code == 401
        newest = FailedSignIn.objects.latest("id")
        FailedSignIn.objects.filter(id=newest.id).update(occurred_at=now - dt.timedelta(days=days))
    assert remove_failed_sign_ins() == 1
    assert FailedSignIn.objects.count() == 2


ARGON2 = ["django.contrib.auth.hashers.Argon2PasswordHasher"]


@override_settings(PASSWORD_HASHERS=ARGON2)
def test_an_outdated_hash_is_made_anew_by_a_success(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = shop.users["staff"]
    monkeypatch.setattr(Argon2PasswordHasher, "memory_cost", 1024)
    person.set_password(PASSWORD)
    person.save()
    before = person.password
    monkeypatch.setattr(Argon2PasswordHasher, "time_cost", 3)
    get_hashers.cache_clear()
    get_hashers_by_algorithm.cache_clear()
    sign_in(username=person.username, password="wrong")
    sign_in(username=person.username, tenant_id=str(uuid.uuid4()))
    person.refresh_from_db()
    assert person.password == before
    first = sign_in(username=person.username)
    assert first.status_code == 200
    person.refresh_from_db()
    assert "t=3" in person.password
    assert sign_in(username=person.username).status_code == 200
    assert Client(first.json()["access"]).get("/api/auth/me/").status_code == 200


def test_a_password_that_changed_since_it_was_checked_opens_nothing(shop: Shop) -> None:
    person = shop.users["staff"]
    checked = check_credentials(Account("username", person.username), PASSWORD, None)
    body = {"current_password": PASSWORD, "new_password": "another horse battery"}
    assert shop.client("staff").post("/api/auth/password/change/", body).status_code == 204
    with pytest.raises(Refused):
        open_session(checked, checked.choices[0])
    assert not SignInSession.objects.filter(ended_at=None).exists()


def test_no_session_of_an_old_password_survives(shop: Shop) -> None:
    """Sign-ins and a change of the password at once: who got in before it is out again."""
    person = shop.users["staff"]
    for _round in range(4):
        User.objects.filter(id=person.id).update(password=make_password(PASSWORD))
        person.refresh_from_db()
        changer, acts = shop.client("staff"), itertools.count()

        def act(changer: Client = changer, acts: Any = acts) -> Any:
            if next(acts) == 0:
                body = {"current_password": PASSWORD, "new_password": "another horse battery"}
                return changer.post("/api/auth/password/change/", body).status_code
            return sign_in(username=person.username)

        answers = race(5, nullcontext, act)
        assert answers.count(204) == 1, answers
        for each in answers:
            if each != 204 and each.status_code == 200:
                assert_error(Client(each.json()["access"]).get("/api/auth/me/"), 401)
        assert not SignInSession.objects.filter(ended_at=None).exists()


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
    assert FailedSignIn.objects.count() == 0


def test_no_tenant_is_named_by_a_header(shop: Shop) -> None:
    make_superuser()
    client = Client(HTTP_X_TENANT_ID=str(shop.tenant.id))
    refused = client.post(URL, {"username": "platform", "password": PASSWORD})
    assert_error(refused, 403, "permission_denied")
    for path in ("token/refresh/", "token/verify/", "logout/", "password/reset/"):
        assert_error(client.post(f"/api/auth/{path}", {}), 403, "permission_denied")


@pytest.mark.parametrize("name", ["token/", "token/refresh/", "token/verify/", "logout/"])
@pytest.mark.parametrize(
    "body",
    [
        b'{"token": "\\u0000", "refresh": "\\u0000", "username": "\\u0000"}',
        b'{"token": "\\ud800", "refresh": "\\ud800", "username": "\\ud800"}',
        b'{"token": "%s", "refresh": "%s"}' % (b"x" * 5_000, b"x" * 5_000),
        b'{"token": [], "refresh": ["x"], "username": [1]}',
    ],
)
def test_hostile_bodies(name: str, body: bytes) -> None:
    response = Client().generic("POST", f"/api/auth/{name}", body, content_type="application/json")
    assert_error(response, 400)

"""Members: invited without a word of who they are, and nobody grants more than they hold."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from celery.exceptions import Retry
from django.conf import settings
from django.core import mail
from django.test import override_settings

from granting import (
    ADMIN,
    MEMBERS,
    accept,
    admin,
    belongs,
    entries,
    hire,
    make_key,
    member,
    platform,
)
from noren_kit.accounts.granting import lock_grants
from noren_kit.accounts.members import change_roles, invite, remove_member
from noren_kit.accounts.models import Membership, Role, User
from noren_kit.accounts.queries import emails_of_members
from noren_kit.accounts.tasks import send_invitation
from noren_kit.api.registry import known_rights
from noren_kit.audit.models import AccessEntry
from noren_kit.core import context
from noren_kit.core.context import Actor
from noren_kit.core.errors import Forbidden
from noren_kit.core.tasks import tenant_headers
from noren_kit.tenancy.entering import enter
from noren_kit.testing.answers import assert_error, outward
from noren_kit.testing.contract import CursorContract, ListContract
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.races import race
from noren_kit.testing.shops import PASSWORD, Client, Shop, make_shop

Kind = AccessEntry.Kind
PRODUCTS = "/api/v1/products/"


class TestMember(ListContract, CursorContract):
    path = "members"
    create = {"email": "sato@example.com", "name": "Sato", "roles": ["staff"]}
    only = {"status": "invited"}

    def distinct(self, number: int) -> dict[str, Any]:
        return {"email": f"sato-{number}@example.com"}


@pytest.fixture
def client(shop: Shop) -> Client:
    return shop.client()


def invited(client: Client, email: str = "new@example.com", *roles: str, **more: Any) -> Any:
    body = {"email": email, "roles": list(roles or ["staff"]), **more}
    response = client.post(MEMBERS, body)
    assert response.status_code == 201, response.json()
    return response.json()


# What is shown


def test_members_are_shown_with_person_and_roles(client: Client, shop: Shop) -> None:
    hire(shop, "kobo", "catalog.view_product", roles=("viewer",))
    shown = client.get(f"{MEMBERS}{member(shop, 'kobo')}/").json()
    person = shop.users["kobo"]
    assert shown["user"] == {
        "id": str(person.id),
        "username": person.username,
        "name": "kobo",
        "email": "kobo@hired.example",
    }
    assert shown["roles"] == ["kobo", "viewer"]
    assert shown["status"] == "active"
    assert shown["accepted_at"] is not None


def test_filters(client: Client, shop: Shop) -> None:
    made = invited(client)
    for query, expected in (
        ("status=invited", {made["id"]}),
        ("role=owner", {member(shop, "owner")}),
        ("role=staff&status=active", {member(shop, "staff")}),
        ("role=nobody", set()),
    ):
        rows = client.get(f"{MEMBERS}?{query}").json()["results"]
        assert {row["id"] for row in rows} == expected, query
    for query in ("status=gone", "role=a%20b", "role=%20owner", "search=owner", "user=x"):
        assert_error(client.get(f"{MEMBERS}?{query}"), 400, "validation_error")


def test_everybody_sees_members_and_only_owners_change_them(shop: Shop) -> None:
    url = f"{MEMBERS}{member(shop, 'viewer')}/"
    for name in ("viewer", "staff", "manager"):
        client = shop.client(name)
        assert client.get(MEMBERS).status_code == 200
        assert_error(client.post(MEMBERS, {}), 403, "permission_denied")
        assert_error(client.patch(url, {"roles": ["owner"]}), 403, "permission_denied")
        assert_error(client.delete(url), 403, "permission_denied")


# Invitations


def test_an_invitation_opens_nothing_until_accepted(client: Client, shop: Shop) -> None:
    person = User.objects.create_user("sato", PASSWORD, email="sato@example.com", name="Sato Aoi")
    made = invited(client, "SATO@example.com", "viewer", name="Aoi")
    assert made["status"] == "invited"
    assert not belongs(person, shop)
    answer = Client().post("/api/auth/token/", {"username": "sato", "password": PASSWORD})
    assert answer.json()["user"]["tenant"] is None
    assert_error(Client(answer.json()["access"]).get(PRODUCTS), 403)
    theirs = accept(shop, made["id"], person, "sato")
    assert theirs.get(PRODUCTS).status_code == 200
    shown = client.get(f"{MEMBERS}{made['id']}/").json()
    assert shown["user"] == {
        "id": str(person.id),
        "username": "sato",
        "name": "Sato Aoi",
        "email": "sato@example.com",
    }
    assert shown["status"] == "active"


def test_an_invitation_tells_nothing_of_its_person(client: Client, shop: Shop) -> None:
    """Known, disabled or unknown: the same answer, for the same statements."""
    User.objects.create_user("known", PASSWORD, email="known@example.com", name="Ms. Known")
    User.objects.create_user("quiet", email="quiet@example.com", is_active=False)
    client.get(MEMBERS)
    answers = []
    for address in ("Known@example.com", "quiet@example.com", "nobody@example.com"):
        with recorded_statements() as statements:
            response = client.post(MEMBERS, {"email": address, "name": "X", "roles": ["staff"]})
        body = response.json()
        assert body["user"] == {"id": None, "username": None, "name": "X", "email": address}
        assert client.get(f"{MEMBERS}{body['id']}/").json() == body
        shape = {name: type(value) for name, value in body.items()}
        answers.append((response.status_code, shape, statements))
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 201
    log = [entry.details for entry in entries(shop, Kind.MEMBER_INVITED)]
    assert [set(each) for each in log] == [{"member_id", "email", "roles"}] * 3


def test_an_unknown_address_becomes_a_person_without_a_password(client: Client) -> None:
    invited(client, "Nobody@example.com", name="No Body")
    person = User.objects.get(email_folded="nobody@example.com")
    assert not person.has_usable_password()
    assert (person.name, person.email) == ("", "Nobody@example.com")
    assert not person.is_staff
    assert not person.is_superuser


def test_a_second_invitation_is_a_duplicate(client: Client, shop: Shop) -> None:
    made = invited(client, "sato@example.com")
    for address in ("sato@example.com", "SATO@EXAMPLE.COM", "owner@hanabi.example"):
        response = client.post(MEMBERS, {"email": address, "roles": ["viewer"]})
        details = assert_error(response, 409, "duplicate")
        assert [fault["code"] for fault in details["email"]] == ["duplicate"]
    assert client.delete(f"{MEMBERS}{made['id']}/").status_code == 204
    invited(client, "sato@example.com")


def test_who_has_no_password_joins_by_setting_one(client: Client, shop: Shop) -> None:
    made = invited(client, "new@example.com", "viewer")
    assert mailed(shop, made["id"])
    letters = mail.outbox
    assert [letter.to for letter in letters] == [["new@example.com"]] * 2
    words = dict(re.findall(r"(uid|token): (\S+)", letters[1].body))
    body = {**words, "new_password": "a tea house in Uji"}
    assert Client().post("/api/auth/password/reset/confirm/", body).status_code in (200, 204)
    assert client.get(f"{MEMBERS}{made['id']}/").json()["status"] == "active"
    credentials = {"email": "new@example.com", "password": body["new_password"]}
    assert Client().post("/api/auth/token/", credentials).status_code == 200


def test_a_mail_that_fails_is_sent_again(
    client: Client, shop: Shop, settings_of_mail: None
) -> None:
    made = invited(client, "new@example.com", "viewer")
    queue = redis.Redis.from_url(settings.REDIS_URL)
    queue.delete("celery")
    with pytest.raises(Retry):
        mailed(shop, made["id"])
    [message] = [json.loads(each) for each in queue.lrange("celery", 0, -1)]
    queue.delete("celery")
    assert message["headers"]["noren_tenant_id"] == str(shop.tenant.id)
    assert message["headers"]["retries"] == 1


@pytest.fixture
def settings_of_mail() -> Iterator[None]:
    """A mail server that is not there."""
    backend = "django.core.mail.backends.smtp.EmailBackend"
    with override_settings(EMAIL_BACKEND=backend, EMAIL_HOST="127.0.0.1", EMAIL_PORT=1):
        yield


def test_the_same_person_in_two_tenants(client: Client, shop: Shop, neighbour: Shop) -> None:
    first, second = invited(client), invited(neighbour.client())
    assert first["id"] != second["id"]
    assert User.objects.filter(email_folded="new@example.com").count() == 1


def mailed(shop: Shop, invitation: str) -> bool:
    """Run the task as a worker would; whether it mailed."""
    message = {"id": str(uuid.uuid4()), "args": [invitation], "kwargs": {}, "retries": 0}
    send_invitation.push_request(called_directly=False, **message, **tenant_headers(shop.tenant.id))
    try:
        sent: bool = send_invitation(invitation)
    finally:
        send_invitation.pop_request()
    return sent


def test_an_invitation_is_mailed(client: Client, shop: Shop) -> None:
    """The task is queued at commit; it mails open invitations to the address as stored."""
    User.objects.create_user("sato", PASSWORD, email="sato@example.com")
    queue = redis.Redis.from_url(settings.REDIS_URL)
    queue.delete("celery")
    made = invited(client, "SATO@example.com")
    assert_error(client.post(MEMBERS, {"email": "sato@example.com", "roles": ["staff"]}), 409)
    [message] = [json.loads(each) for each in queue.lrange("celery", 0, -1)]
    queue.delete("celery")
    headers = message["headers"]
    assert headers["task"] == "accounts.send_invitation"
    assert made["id"] in headers["argsrepr"]
    assert mailed(shop, made["id"])
    [letter] = mail.outbox
    assert letter.to == ["sato@example.com"]
    assert "Hanabi" in letter.subject
    assert "owner" in letter.body
    client.delete(f"{MEMBERS}{made['id']}/")
    assert not mailed(shop, made["id"])
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"roles": ["staff"]}, "email"),
        ({"email": "a@@b", "roles": ["staff"]}, "email"),
        ({"email": "", "roles": ["staff"]}, "email"),
        ({"email": "a@example.com\nBcc: b@example.com", "roles": ["staff"]}, "email"),
        ({"email": f"{'a' * 250}@example.com", "roles": ["staff"]}, "email"),
        ({"email": "a@example.com"}, "roles"),
        ({"email": "a@example.com", "roles": []}, "roles"),
        ({"email": "a@example.com", "roles": "staff"}, "roles"),
        ({"email": "a@example.com", "roles": [["staff"]]}, "roles"),
        ({"email": "a@example.com", "roles": [None]}, "roles"),
        ({"email": "a@example.com", "roles": ["staff"] * 51}, "roles"),
        ({"email": "a@example.com", "roles": ["staff"], "accepted_at": None}, "accepted_at"),
        ({"email": "a@example.com", "roles": ["staff"], "user": str(uuid.uuid4())}, "user"),
        ({"email": "a@example.com", "roles": ["staff"], "status": "active"}, "status"),
        ({"email": "a@example.com", "roles": ["staff"], "is_superuser": True}, "is_superuser"),
        ({"email": "a@example.com", "roles": ["staff"], "name": "\u200b"}, "name"),
    ],
)
def test_invitations_that_are_none(client: Client, body: dict[str, Any], named: str) -> None:
    people = User.objects.count()
    assert named in assert_error(client.post(MEMBERS, body), 400, "validation_error")
    assert User.objects.count() == people
    assert client.get(f"{MEMBERS}?status=invited").json()["count"] == 0


def test_unknown_roles_are_named_by_index(client: Client, shop: Shop, neighbour: Shop) -> None:
    with neighbour.entered():
        Role.objects.create(slug="theirs", name="Theirs", permissions=[])
    roles = ["staff", "theirs", "OWNER"]
    url = f"{MEMBERS}{member(shop, 'viewer')}/"
    for response in (
        client.post(MEMBERS, {"email": "a@example.com", "roles": roles}),
        client.patch(url, {"roles": roles}),
    ):
        details = assert_error(response, 400, "validation_error")
        assert set(details["roles"]) == {"1", "2"}
        assert details["roles"]["1"][0]["code"] == "unknown"


# Who grants what


def test_nobody_grants_more_than_they_hold(shop: Shop) -> None:
    client = admin(shop)
    hire(shop, "kobo", "catalog.view_product")
    url = f"{MEMBERS}{member(shop, 'kobo')}/"
    for slug in ("owner", "manager", "staff", "viewer"):
        for response in (
            client.post(MEMBERS, {"email": "a@example.com", "roles": [slug]}),
            client.patch(url, {"roles": ["kobo", slug]}),
            client.patch(f"{MEMBERS}{member(shop, 'admin')}/", {"roles": ["admin", slug]}),
        ):
            details = assert_error(response, 403, "grants_too_much")
            assert "catalog.view_category" in details["missing"]
            assert not set(details["missing"]) & set(ADMIN)
    assert client.patch(url, {"roles": ["kobo", "admin"]}).json()["roles"] == ["admin", "kobo"]
    assert invited(client, "a@example.com", "admin")["roles"] == ["admin"]


def test_who_holds_more_is_out_of_reach(shop: Shop) -> None:
    client = admin(shop)
    for name in ("owner", "manager", "staff", "viewer"):
        url = f"{MEMBERS}{member(shop, name)}/"
        assert_error(client.patch(url, {"roles": ["admin"]}), 403, "outranked")
        assert_error(client.delete(url), 403, "outranked")
    made = invited(shop.client(), "boss@example.com", "owner")
    assert_error(client.delete(f"{MEMBERS}{made['id']}/"), 403, "outranked")
    assert shop.client("viewer").get(MEMBERS).json()["count"] == 6


def test_a_key_grants_within_its_scopes(shop: Shop) -> None:
    narrow, _id = make_key(shop, "owner", "accounts.add_membership", "catalog.view_product")
    hire(shop, "kobo", "catalog.view_product")
    assert_error(
        narrow.post(MEMBERS, {"email": "a@example.com", "roles": ["owner"]}), 403, "grants_too_much"
    )
    assert_error(narrow.get(MEMBERS), 403, "permission_denied")
    assert invited(narrow, "a@example.com", "kobo")["roles"] == ["kobo"]


def test_platform_staff_invite_where_they_are_no_members(shop: Shop) -> None:
    client = platform(HTTP_X_TENANT_ID=str(shop.tenant.id))
    assert invited(client, "boss@example.com", "owner")["roles"] == ["owner"]
    assert_error(platform().get(MEMBERS), 403)


# Changing and removing


def test_roles_are_replaced_and_count_at_once(client: Client, shop: Shop) -> None:
    staff, url = shop.client("staff"), f"{MEMBERS}{member(shop, 'staff')}/"
    assert_error(staff.delete(f"/api/v1/brands/{uuid.uuid4()}/"), 403)
    changed = client.patch(url, {"roles": ["manager", "viewer", "viewer"]})
    assert changed.json()["roles"] == ["manager", "viewer"]
    assert changed.json()["updated_by"]["id"] == str(shop.users["owner"].id)
    assert_error(staff.delete(f"/api/v1/brands/{uuid.uuid4()}/"), 404)
    assert client.patch(url, {}).json() == changed.json()
    assert client.patch(url, {"roles": ["viewer", "manager"]}).json() == changed.json()
    [entry] = entries(shop, Kind.MEMBER_CHANGED)
    assert entry.details == {
        "member_id": member(shop, "staff"),
        "user_id": str(shop.users["staff"].id),
        "added": ["manager", "viewer"],
        "removed": ["staff"],
    }


@pytest.mark.parametrize("name", ["email", "name", "user", "accepted_at", "status", "tenant_id"])
def test_only_roles_can_be_changed(client: Client, shop: Shop, name: str) -> None:
    url = f"{MEMBERS}{member(shop, 'staff')}/"
    details = assert_error(client.patch(url, {name: "x", "roles": ["viewer"]}), 400)
    assert set(details) == {name}
    assert client.get(url).json()["roles"] == ["staff"]


def test_removal_ends_access_at_once(client: Client, shop: Shop) -> None:
    staff, url = shop.client("staff"), f"{MEMBERS}{member(shop, 'staff')}/"
    by_key, key = make_key(shop, "staff", "catalog.view_product")
    membership = member(shop, "staff")
    assert by_key.get(PRODUCTS).status_code == 200
    assert client.delete(url).status_code == 204
    assert_error(staff.get(PRODUCTS), 401)
    assert_error(by_key.get(PRODUCTS), 401)
    assert_error(client.get(url), 404)
    assert_error(client.delete(url), 404)
    [entry] = entries(shop, Kind.MEMBER_REMOVED)
    assert entry.details == {
        "member_id": membership,
        "user_id": str(shop.users["staff"].id),
        "roles": ["staff"],
        "keys": [key],
    }


def test_keys_stay_dead_when_their_maker_comes_back(client: Client, shop: Shop) -> None:
    by_key, _key = make_key(shop, "staff", "catalog.view_product")
    client.delete(f"{MEMBERS}{member(shop, 'staff')}/")
    made = invited(client, "staff@hanabi.example", "owner")
    again = accept(shop, made["id"], shop.users["staff"], "staff")
    assert again.get(PRODUCTS).status_code == 200
    assert_error(by_key.get(PRODUCTS), 401)


def test_another_tenants_members_are_unknown(client: Client, neighbour: Shop) -> None:
    foreign, unknown = member(neighbour, "staff"), str(uuid.uuid4())
    for verb, body in (("get", None), ("patch", {"roles": ["owner"]}), ("delete", None)):
        answers = []
        for identifier in (foreign, unknown):
            with recorded_statements() as statements:
                response = getattr(client, verb)(f"{MEMBERS}{identifier}/", body)
            assert_error(response, 404, "not_found")
            answers.append((outward(response, identifier), statements))
        assert answers[0] == answers[1]
    assert neighbour.client("staff").get(PRODUCTS).status_code == 200


# The last owner


def test_the_last_owner_stays(client: Client, shop: Shop) -> None:
    """One that is only invited, disabled or removed owns nothing."""
    url = f"{MEMBERS}{member(shop, 'owner')}/"
    invited(client, "boss@example.com", "owner")
    hire(shop, "gone", roles=("owner",))
    User.objects.filter(id=shop.users["gone"].id).update(is_active=False)
    assert_error(client.delete(url), 409, "last_owner")
    assert_error(client.patch(url, {"roles": ["manager"]}), 409, "last_owner")
    assert_error(platform(HTTP_X_TENANT_ID=str(shop.tenant.id)).delete(url), 409, "last_owner")
    assert client.patch(url, {"roles": ["owner", "viewer"]}).status_code == 200
    hire(shop, "second", roles=("owner",))
    assert client.patch(url, {"roles": ["viewer"]}).status_code == 200
    assert_error(shop.client("second").delete(f"{MEMBERS}{member(shop, 'second')}/"), 409)


@contextmanager
def _as(shop: Shop, names: Iterator[str]) -> Iterator[None]:
    with shop.entered(next(names)):
        yield


def _owners(shop: Shop) -> int:
    return int(shop.client("viewer").get(f"{MEMBERS}?role=owner&status=active").json()["count"])


@pytest.mark.parametrize("removing", [True, False], ids=["remove", "demote"])
@pytest.mark.parametrize("third", [True, False], ids=["a third owner", "two owners"])
def test_owners_who_turn_on_each_other(shop: Shop, removing: bool, third: bool) -> None:
    """Exactly one wins, even where a third remains: the other's right is gone by then."""
    hire(shop, "second", roles=("owner",))
    if third:
        hire(shop, "third", roles=("owner",))
    victims = {shop.users["owner"].id: "second", shop.users["second"].id: "owner"}
    known = known_rights()

    def act() -> str:
        victim = shop.users[victims[context.actor_id()]]  # type: ignore[index]
        lock_grants()
        membership = Membership.objects.select_related("user").get(user=victim)
        if removing:
            remove_member(membership=membership, known=known)
        else:
            change_roles(membership=membership, roles=["viewer"], known=known)
        return "done"

    names = iter(["owner", "second"])
    outcomes = race(2, lambda: _as(shop, names), act)
    assert outcomes.count("done") == 1, outcomes
    assert {getattr(each, "code", each) for each in outcomes} <= {"done", "permission_denied"}
    assert _owners(shop) == (2 if third else 1)


def test_owners_who_all_leave_at_once(shop: Shop) -> None:
    for number in range(3):
        hire(shop, f"owner-{number}", roles=("owner",))

    def act() -> str:
        lock_grants()
        own = Membership.objects.select_related("user").get(user_id=context.actor_id())
        remove_member(membership=own, known=known_rights())
        return "done"

    names = iter(["owner", "owner-0", "owner-1", "owner-2"])
    outcomes = race(4, lambda: _as(shop, names), act)
    assert outcomes.count("done") == 3
    assert [each.code for each in outcomes if each != "done"] == ["last_owner"]
    assert _owners(shop) == 1


def test_an_address_invited_by_many_at_once(shop: Shop) -> None:
    """One invitation in a tenant, one person in the installation."""
    others = [shop, make_shop(), make_shop()]
    shops = iter(others * 2)

    @contextmanager
    def inside() -> Iterator[None]:
        with next(shops).entered():
            yield

    def act() -> str:
        invite(email="new@example.com", name="", roles=["viewer"], known=known_rights())
        return "done"

    outcomes = race(6, inside, act)
    assert outcomes.count("done") == 3, outcomes
    assert [each.code for each in outcomes if each != "done"] == ["duplicate"] * 3
    assert User.objects.filter(email_folded="new@example.com").count() == 1


def test_a_role_taken_away_meanwhile_grants_nothing(shop: Shop) -> None:
    """Rights are looked at under the lock: a request that began as an owner's ends refused."""
    hire(shop, "second", roles=("owner",))
    stale = Actor(shop.users["second"].id, "second", "", frozenset({"owner"}))
    shop.client().patch(f"{MEMBERS}{member(shop, 'second')}/", {"roles": ["viewer"]})
    with enter(shop.tenant.id, actor=stale), pytest.raises(Forbidden):
        invite(email="a@example.com", name="", roles=["owner"], known=known_rights())


def test_notices_go_to_those_who_have_accepted(client: Client, shop: Shop) -> None:
    invited(client, "new@example.com", "manager")
    with shop.entered():
        addresses = emails_of_members(["manager", "owner"])
    assert addresses == ["manager@hanabi.example", "owner@hanabi.example"]

"""Passwords changed and reset: by their owner alone, once, and with all sessions ended."""

from __future__ import annotations

import json
import re
import socket
import uuid
from contextlib import nullcontext
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.core import mail

from noren_kit.accounts import queueing
from noren_kit.accounts.models import FailedSignIn, Membership, SignInSession, User
from noren_kit.accounts.provisioning import add_member
from noren_kit.accounts.tasks import send_password_reset
from noren_kit.audit.models import AccessEntry
from noren_kit.testing.answers import assert_error, outward
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.races import race
from noren_kit.testing.shops import PASSWORD, Client, Shop

AUTH = "/api/auth/"
CHANGE, RESET, CONFIRM = (
    f"{AUTH}password/{name}" for name in ("change/", "reset/", "reset/confirm/")
)
NEW = "another horse battery"


def may_sign_in(person: User, password: str) -> bool:
    body = {"username": person.username, "password": password}
    status = Client().post(f"{AUTH}token/", body).status_code
    assert status in (200, 401)
    return bool(status == 200)


def post_raw(client: Client, path: str, body: Any) -> Any:
    """Past the test client's encoder, which refuses what an attacker sends."""
    return client.generic("POST", path, json.dumps(body), content_type="application/json")


def entries(shop: Shop, kind: AccessEntry.Kind) -> list[AccessEntry]:
    with shop.entered():
        return list(AccessEntry.objects.filter(kind=kind).order_by("id"))


class TestChange:
    def change(self, client: Client, current: str = PASSWORD, new: str = NEW) -> Any:
        return client.post(CHANGE, {"current_password": current, "new_password": new})

    def test_all_sessions_end(self, shop: Shop, neighbour: Shop) -> None:
        person = shop.users["staff"]
        with neighbour.entered():
            add_member(user=person, roles=["viewer"])
        clients = [shop.client("staff"), shop.client("staff")]
        response = self.change(clients[0])
        assert (response.status_code, response.content) == (204, b"")
        assert response.cookies["noren_refresh"].value == ""
        assert all(each.get(f"{AUTH}me/").status_code == 401 for each in clients)
        assert shop.client("viewer").get(f"{AUTH}me/").status_code == 200
        assert {each.ending for each in SignInSession.objects.filter(user=person)} == {"password"}
        for each in (shop, neighbour):
            [entry] = entries(each, AccessEntry.Kind.PASSWORD_CHANGED)
            assert entry.actor_id == person.id
        body = {"username": person.username, "tenant_id": str(shop.tenant.id)}
        assert Client().post(f"{AUTH}token/", {**body, "password": NEW}).status_code == 200
        assert Client().post(f"{AUTH}token/", {**body, "password": PASSWORD}).status_code == 401

    def test_all_faults_at_once(self, shop: Shop) -> None:
        client = shop.client("staff")
        details = assert_error(self.change(client, "wrong", "pass"), 400, "validation_error")
        assert [each["code"] for each in details["current_password"]] == ["wrong_password"]
        codes = {each["code"] for each in details["new_password"]}
        assert codes == {"password_too_short", "password_too_common"}
        similar = assert_error(self.change(client, new=shop.users["staff"].username), 400)
        assert "password_too_similar" in {each["code"] for each in similar["new_password"]}
        assert client.get(f"{AUTH}me/").status_code == 200
        assert entries(shop, AccessEntry.Kind.PASSWORD_CHANGED) == []

    def test_a_wrong_one_is_written_down(self, shop: Shop) -> None:
        """Although the request is rolled back."""
        assert_error(self.change(shop.client("staff"), "wrong"), 400, "validation_error")
        person = shop.users["staff"]
        [entry] = entries(shop, AccessEntry.Kind.SIGN_IN_FAILED)
        assert (entry.actor_id, entry.details) == (person.id, {"reason": "wrong_password"})
        assert FailedSignIn.objects.get().user_id == person.id

    def test_one_of_many_wins(self, shop: Shop) -> None:
        client_of = {number: shop.client("staff") for number in range(4)}
        left = list(client_of.values())
        answers = race(4, nullcontext, lambda: self.change(left.pop()).status_code)
        assert answers.count(204) == 1, answers
        assert set(answers) <= {204, 400, 401}
        assert may_sign_in(shop.users["staff"], NEW)


@pytest.mark.parametrize("name", ["current_password", "new_password"])
@pytest.mark.parametrize("value", ["\ud800", "\u0000", "x" * 5_000, ["x"], None, "", 5])
def test_hostile_passwords(shop: Shop, name: str, value: Any) -> None:
    body = {"current_password": PASSWORD, "new_password": NEW, name: value}
    assert_error(post_raw(shop.client("staff"), CHANGE, body), 400)


class TestAskingForReset:
    @pytest.fixture
    def queued(self, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
        """What reached the broker, and is not run."""
        sent: list[dict[str, Any]] = []
        original = queueing.queue

        def keep(name: str, *arguments: str, **options: Any) -> None:
            sent.append({"name": name, "args": list(arguments), **options})
            original(name, *arguments, **options)

        monkeypatch.setattr(queueing, "queue", keep)
        return sent

    def test_the_same_for_every_address(self, shop: Shop, queued: list[dict[str, Any]]) -> None:
        disabled = shop.users["viewer"]
        User.objects.filter(id=disabled.id).update(is_active=False)
        answers, work = set(), set()
        for email in (shop.users["staff"].email, "nobody@example.com", disabled.email, "x"):
            with recorded_statements() as statements:
                response = Client().post(RESET, {"email": email})
            assert (response.status_code, response.content) == (204, b"")
            answers.add(str(outward(response, email)))
            work.add(tuple(statements))
        assert len(answers) == 1
        assert work == {()}, "the database is not asked"
        assert len(queued) == 4
        assert mail.outbox == []

    def test_a_broker_that_is_away(self, monkeypatch: pytest.MonkeyPatch, shop: Shop) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"redis://127.0.0.1:{unused.getsockname()[1]}/0"
            monkeypatch.setattr(current_app.conf, "broker_write_url", url)
            monkeypatch.setattr(current_app.conf, "broker_url", url)
            answers = [
                Client().post(RESET, {"email": email})
                for email in (shop.users["staff"].email, "nobody@example.com")
            ]
        for response in answers:
            assert_error(response, 503, "unavailable")
            assert int(response.headers["Retry-After"]) >= 1
        assert outward(answers[0]) == outward(answers[1])

    @pytest.mark.parametrize("value", ["\ud800", "\u0000", "x" * 5_000, ["x"], None, "", 5])
    def test_hostile_addresses(self, value: Any) -> None:
        assert_error(post_raw(Client(), RESET, {"email": value}), 400)


class TestMail:
    def test_who_gets_one(self, shop: Shop) -> None:
        disabled = shop.users["viewer"]
        User.objects.filter(id=disabled.id).update(is_active=False)
        for email in ("nobody@example.com", disabled.email, ""):
            send_password_reset(email, "en")
        assert mail.outbox == []
        send_password_reset(shop.users["staff"].email.upper(), "en")
        [sent] = mail.outbox
        assert sent.to == [shop.users["staff"].email], "the stored address, not the typed one"

    def test_with_a_link(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        link = "https://shop.example/reset?uid={uid}&token={token}"
        monkeypatch.setitem(settings.NOREN_KIT, "PASSWORD_RESET_URL", link)
        send_password_reset(shop.users["staff"].email, "en")
        found = re.search(r"https://shop\.example/reset\?uid=(\S+)&token=(\S+)", _last_mail())
        assert found is not None
        body = {"uid": found[1], "token": found[2], "new_password": NEW}
        assert Client().post(CONFIRM, body).status_code == 204


def _last_mail() -> str:
    return str(mail.outbox[-1].body)


def reset_values(person: User) -> dict[str, str]:
    """What the mail to a person holds."""
    send_password_reset(person.email, "en")
    found = re.search(r"uid: (\S+)\ntoken: (\S+)", _last_mail())
    assert found is not None
    return {"uid": found[1], "token": found[2], "new_password": NEW}


class TestConfirming:
    def test_once(self, shop: Shop) -> None:
        person, client = shop.users["staff"], shop.client("staff")
        values = reset_values(person)
        assert Client().post(CONFIRM, values).status_code == 204
        assert client.get(f"{AUTH}me/").status_code == 401
        assert may_sign_in(person, NEW)
        assert not may_sign_in(person, PASSWORD)
        assert len(entries(shop, AccessEntry.Kind.PASSWORD_CHANGED)) == 1
        again = Client().post(CONFIRM, {**values, "new_password": "yet another battery"})
        assert set(assert_error(again, 400, "validation_error")) == {"token"}
        assert may_sign_in(person, NEW)

    def test_one_wording_for_all_that_is_wrong(self, shop: Shop) -> None:
        good = reset_values(shop.users["staff"])
        used = reset_values(shop.users["manager"])
        assert Client().post(CONFIRM, used).status_code == 204
        disabled = reset_values(shop.users["viewer"])
        User.objects.filter(id=shop.users["viewer"].id).update(is_active=False)
        wrong = [
            {**good, "uid": str(uuid.uuid4())},
            {**good, "uid": "x"},
            {**good, "uid": str(shop.users["owner"].id)},
            {**good, "token": "x"},
            {**good, "token": "あ-" + "x" * 100},
            used,
            disabled,
        ]
        answers = [Client().post(CONFIRM, each) for each in wrong]
        for response in answers:
            details = assert_error(response, 400, "validation_error")
            assert [each["code"] for each in details["token"]] == ["invalid_token"]
        assert len({str(outward(each)) for each in answers}) == 1

    def test_validators_with_all_faults(self, shop: Shop) -> None:
        person = shop.users["staff"]
        values = reset_values(person)
        weak = Client().post(CONFIRM, {**values, "new_password": "password"})
        codes = {each["code"] for each in assert_error(weak, 400)["new_password"]}
        assert codes == {"password_too_short", "password_too_common"}
        both = Client().post(CONFIRM, {**values, "token": "x", "new_password": "password"})
        assert set(assert_error(both, 400)) == {"token", "new_password"}
        # Who a uid belongs to is not told by the likeness of passwords.
        alike = {"token": "x", "new_password": person.username}
        told = Client().post(CONFIRM, {**values, **alike})
        assert set(assert_error(told, 400)) == {"token"}
        assert Client().post(CONFIRM, values).status_code == 204, "still good"

    def test_one_of_many_wins(self, shop: Shop) -> None:
        values = reset_values(shop.users["staff"])
        answers = race(8, nullcontext, lambda: Client().post(CONFIRM, values))
        statuses = sorted(each.status_code for each in answers)
        assert statuses == [204] + [400] * 7
        for each in answers:
            if each.status_code == 400:
                assert set(assert_error(each, 400)) == {"token"}
        assert len(entries(shop, AccessEntry.Kind.PASSWORD_CHANGED)) == 1

    @staticmethod
    def invite(guest: User, *shops: Shop) -> None:
        for each in shops:
            with each.entered():
                member = add_member(user=guest, roles=["viewer"])
                Membership.objects.filter(id=member.id).update(
                    accepted_at=None, invited_name=f"Guest of {each.tenant.name}"
                )

    def test_an_invited_person_joins_by_it(self, shop: Shop) -> None:
        guest = User.objects.create_user("guest", None, email="guest@example.com")
        self.invite(guest, shop)
        assert Client().post(CONFIRM, reset_values(guest)).status_code == 204
        body = {"username": "guest", "password": NEW}
        signed_in = Client().post(f"{AUTH}token/", body).json()["user"]
        assert (signed_in["tenant"]["name"], signed_in["name"]) == ("Hanabi", "Guest of Hanabi")
        [entry] = entries(shop, AccessEntry.Kind.MEMBER_JOINED)
        assert entry.actor_id == guest.id

    def test_whom_several_invited_chooses(self, shop: Shop, neighbour: Shop) -> None:
        """Nobody becomes a member of a tenant that invited them along the way."""
        guest = User.objects.create_user("guest", None, email="guest@example.com")
        self.invite(guest, shop, neighbour)
        assert Client().post(CONFIRM, reset_values(guest)).status_code == 204
        body = {"username": "guest", "password": NEW}
        client = Client(Client().post(f"{AUTH}token/", body).json()["access"])
        assert client.get(f"{AUTH}me/").json()["tenant"] is None
        [chosen] = [
            each["id"]
            for each in client.get(f"{AUTH}invitations/").json()["results"]
            if each["tenant"]["name"] == "Hanabi"
        ]
        assert client.post(f"{AUTH}invitations/{chosen}/accept/").status_code == 204
        signed_in = Client().post(f"{AUTH}token/", body).json()["user"]
        assert (signed_in["tenant"]["name"], signed_in["name"]) == ("Hanabi", "Guest of Hanabi")
        assert entries(neighbour, AccessEntry.Kind.MEMBER_JOINED) == []

    def test_others_are_not_made_members_by_it(self, shop: Shop, neighbour: Shop) -> None:
        person = shop.users["staff"]
        with neighbour.entered():
            member = add_member(user=person, roles=["viewer"])
            Membership.objects.filter(id=member.id).update(accepted_at=None)
        assert Client().post(CONFIRM, reset_values(person)).status_code == 204
        with neighbour.entered():
            assert Membership.objects.get(id=member.id).accepted_at is None

    @pytest.mark.parametrize("name", ["uid", "token", "new_password"])
    @pytest.mark.parametrize("value", ["\ud800", "\u0000", "x" * 5_000, ["x"], None, "", 5])
    def test_hostile_values(self, name: str, value: Any) -> None:
        body = {"uid": str(uuid.uuid4()), "token": "x", "new_password": NEW, name: value}
        assert_error(post_raw(Client(), CONFIRM, body), 400)

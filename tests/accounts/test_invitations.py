"""Invitations: seen, accepted and declined by the invited person alone."""

from __future__ import annotations

import uuid
from contextlib import nullcontext

import pytest
from django.utils import timezone

from noren_kit.accounts.models import Membership
from noren_kit.accounts.provisioning import add_member
from noren_kit.audit.models import AccessEntry
from noren_kit.testing.answers import assert_error, assert_time, outward
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.races import race
from noren_kit.testing.shops import Client, Shop

URL = "/api/auth/invitations/"
SWITCH = "/api/auth/switch/"


def invite(shop: Shop, guest_of: Shop, role: str = "staff") -> str:
    """The id of an invitation to `shop` for a person of another one."""
    with shop.entered():
        member = add_member(user=guest_of.users[role], roles=["manager"])
        Membership.objects.filter(id=member.id).update(accepted_at=None)
    return str(member.id)


def entries(shop: Shop, kind: AccessEntry.Kind) -> list[AccessEntry]:
    with shop.entered():
        return list(AccessEntry.objects.filter(kind=kind).order_by("id"))


def test_mine(shop: Shop, neighbour: Shop) -> None:
    invitation = invite(neighbour, shop)
    [shown] = shop.client("staff").get(URL).json()["results"]
    assert_time(shown.pop("invited_at"))
    assert shown == {
        "id": invitation,
        "tenant": {"id": str(neighbour.tenant.id), "name": "Kawa"},
    }
    assert shop.client("viewer").get(URL).json() == {"results": []}
    assert_error(Client().get(URL), 401)


def test_accepting(shop: Shop, neighbour: Shop) -> None:
    invitation, client = invite(neighbour, shop), shop.client("staff")
    there = {"tenant_id": str(neighbour.tenant.id)}
    assert_error(client.post(SWITCH, there), 400)
    response = client.post(f"{URL}{invitation}/accept/")
    assert (response.status_code, response.content) == (204, b"")
    assert client.post(SWITCH, there).json()["user"]["roles"] == ["manager"]
    assert client.get(URL).json() == {"results": []}
    [entry] = entries(neighbour, AccessEntry.Kind.MEMBER_JOINED)
    assert entry.actor_id == shop.users["staff"].id
    assert entry.details == {"member_id": invitation}
    for answer in ("accept", "decline"):
        assert_error(client.post(f"{URL}{invitation}/{answer}/"), 404, "not_found")


def test_declining(shop: Shop, neighbour: Shop) -> None:
    invitation, client = invite(neighbour, shop), shop.client("staff")
    assert client.post(f"{URL}{invitation}/decline/").status_code == 204
    assert client.get(URL).json() == {"results": []}
    assert_error(client.post(SWITCH, {"tenant_id": str(neighbour.tenant.id)}), 400)
    [entry] = entries(neighbour, AccessEntry.Kind.MEMBER_REMOVED)
    assert entry.details == {"member_id": invitation, "declined": True}
    told = (entry.actor_id, entry.actor_name, entry.credential_id, entry.address, entry.request_id)
    assert told == (None, "", None, "", ""), "nothing of who wants nothing to do with them"
    with neighbour.entered():
        row = Membership.every.get(id=invitation)
        assert row.deleted_at is not None
        assert row.updated_by_id == shop.users["staff"].id
    assert invite(neighbour, shop) != invitation, "they may be invited again"


@pytest.mark.parametrize("answer", ["accept", "decline"])
def test_those_of_others_are_unknown(shop: Shop, neighbour: Shop, answer: str) -> None:
    foreign = invite(neighbour, shop, "manager")
    with shop.entered():
        accepted = str(shop.users["staff"].memberships.get().id)
    client, answers = shop.client("staff"), []
    for asked in (foreign, accepted, str(uuid.uuid4())):
        with recorded_statements() as statements:
            response = client.post(f"{URL}{asked}/{answer}/")
        assert_error(response, 404, "not_found")
        answers.append((outward(response, asked), statements))
    assert answers[0] == answers[1] == answers[2]
    with neighbour.entered():
        assert Membership.objects.get(id=foreign).accepted_at is None


def test_one_answer_counts(shop: Shop, neighbour: Shop) -> None:
    client = shop.client("staff")
    for _round in range(3):
        invitation = invite(neighbour, shop)
        left = [f"{URL}{invitation}/{answer}/" for answer in ("accept", "decline") * 2]
        statuses = race(4, nullcontext, lambda left=left: client.post(left.pop()).status_code)
        assert sorted(statuses) == [204, 404, 404, 404]
        with neighbour.entered():
            Membership.objects.filter(id=invitation).touch(deleted_at=timezone.now())

"""What a key stands for, how long, and where none is taken."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import DataError, transaction
from tests.store import API, Store

from granting import make_key, platform
from noren_kit.accounts.models import ApiKey, Membership, MembershipRole, Role
from noren_kit.core import context
from noren_kit.core.errors import Conflict
from noren_kit.idempotency import keeping
from noren_kit.idempotency.keeping import MOST_ANSWER_BYTES, call_of, find_answer, keep_answer
from noren_kit.idempotency.models import KeptAnswer
from noren_kit.idempotency.tasks import BATCH, sweep
from noren_kit.tenancy.entering import enter
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.answers import assert_error
from noren_kit.testing.plugin import OwnerConnection
from noren_kit.testing.shops import PASSWORD, Client, Shop

TAGS, BRANDS, SETTINGS = f"{API}tags/", f"{API}brands/", f"{API}settings/"
GREEN, RED = {"name": "green"}, {"name": "red"}


def keyed(key: str = "k-1") -> dict[str, Any]:
    return {"headers": {"Idempotency-Key": key}}


@pytest.fixture
def client(shop: Shop) -> Client:
    return shop.client()


def expire(owner: OwnerConnection) -> None:
    """Let a day go by for all that is kept."""
    with owner.admin.transaction():  # type: ignore[union-attr]
        owner.admin.execute(  # type: ignore[union-attr]
            "UPDATE idempotency_keptanswer SET expires_at = expires_at - interval '24 hours'"
        )


def test_the_same_key_elsewhere_is_another_key(client: Client, shop: Shop, neighbour: Shop) -> None:
    """Another tenant, credential, method or path: each has its own effect."""
    made = client.post(TAGS, GREEN, **keyed())
    assert made.status_code == 201
    tag = f"{TAGS}{made.json()['id']}/"
    assert neighbour.client().post(TAGS, GREEN, **keyed()).status_code == 201
    assert client.post(BRANDS, RED, **keyed()).status_code == 201
    assert client.patch(tag, {"name": "blue"}, **keyed()).status_code == 200
    assert client.put(tag, {"name": "grey"}, **keyed()).status_code == 200
    another, _id = make_key(shop, "owner", "catalog.add_tag")
    assert another.post(TAGS, RED, **keyed()).status_code == 201
    assert client.delete(tag, **keyed()).status_code == 204
    for response in (
        client.patch(tag, {"name": "blue"}, **keyed()),
        client.delete(tag, **keyed()),
        another.post(TAGS, RED, **keyed()),
    ):
        assert response.headers["Idempotent-Replayed"] == "true"
    with shop.entered():
        assert KeptAnswer.objects.count() == 6
    with neighbour.entered():
        assert KeptAnswer.objects.count() == 1


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ('{"name": "a", "slug": 1}', '{ "slug":1,"name":"a" }', True),
        ('{"name": "\\u00e9"}', '{"name": "é"}', True),
        ('{"price": 1.10}', '{"price": 1.1}', False),
        ('{"price": 0.1}', '{"price": 0.10000000000000000001}', False),
        ('{"id": 9007199254740993}', '{"id": 9007199254740992}', False),
        ('["a", "b"]', '["b", "a"]', False),
        ("1", '"1"', False),
        ("{", "{ ", False),
        ("", "{}", False),
        ("[" * 100_000, "[" * 100_000, True),
        ("9" * 5_000, "9" * 5_000, True),
    ],
)
def test_bodies_are_alike_by_what_they_say(first: str, second: str, same: bool) -> None:
    from noren_kit.api.retries import _canonical

    assert (_canonical(first.encode()) == _canonical(second.encode())) is same


def test_a_form_is_alike_whatever_its_boundary(client: Client, shop: Shop) -> None:
    """Refused here as no resource takes one yet, so the calls are compared as they are named."""
    from django.test import RequestFactory
    from rest_framework.request import Request

    from noren_kit.api.retries import _content_of

    def content(boundary: str, text: str = "x") -> bytes:
        body = f'--{boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\n{text}\r\n'
        kind = f"multipart/form-data; boundary={boundary}"
        return _content_of(Request(RequestFactory().generic("POST", "/", body, kind)))

    assert content("one") == content("two")
    assert content("one") != content("one", "y")


def test_an_answer_that_ran_out_stands_for_nothing(
    client: Client, shop: Shop, owner: OwnerConnection
) -> None:
    first = client.post(TAGS, GREEN, **keyed())
    expire(owner)
    assert client.post(TAGS, RED, **keyed()).status_code == 201
    again = client.post(TAGS, RED, **keyed())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json()["id"] != first.json()["id"]


def test_what_ran_out_is_swept_from_every_tenant(
    client: Client, shop: Shop, neighbour: Shop, owner: OwnerConnection
) -> None:
    with shop.entered():
        KeptAnswer.objects.bulk_create(
            KeptAnswer(fingerprint=b"x", answer=b"x", expires_at="2020-01-01T00:00Z")
            for _number in range(BATCH + 1)
        )
    neighbour.client().post(TAGS, GREEN, **keyed())
    expire(owner)
    client.post(TAGS, GREEN, **keyed())
    Tenant.objects.using("platform").filter(id=neighbour.tenant.id).update(status="suspended")
    assert sweep() == BATCH + 2
    assert sweep() == 0
    with shop.entered():
        assert KeptAnswer.objects.count() == 1
    assert client.post(TAGS, GREEN, **keyed()).headers["Idempotent-Replayed"] == "true"


def test_a_twin_that_runs_is_not_waited_for(client: Client, shop: Shop) -> None:
    """The first stands in its transaction while the second is refused."""
    held = call_of(
        credential_id=_session_of(client), method="POST", path=TAGS, key="k-1", content=b""
    )
    with shop.entered():
        assert find_answer(held) is None
        other = _over_another_connection(client)
        details = assert_error(other, 409, "idempotency_in_progress")
        assert details == {}
        assert other.headers["Retry-After"] == "1"
    assert client.post(TAGS, GREEN, **keyed()).status_code == 201


def _session_of(client: Client) -> Any:
    from noren_kit.accounts import tokens

    token = client._credentials["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    return tokens.claimed_id(tokens.decode(token, "access"), "sid")


def _over_another_connection(client: Client) -> Any:
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    def send() -> Any:
        try:
            return client.post(TAGS, GREEN, **keyed())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(send).result(timeout=20)


def test_without_its_lock_a_second_effect_is_taken_back(shop: Shop) -> None:
    """The row itself says no, whoever forgot to ask first."""
    call = call_of(credential_id=None, method="POST", path=TAGS, key="k", content=b"")
    with shop.entered():
        keep_answer(call, b"first")
    with pytest.raises(DataError), shop.entered():
        keep_answer(call, b"second")
    with shop.entered():
        assert find_answer(call) == b"first"


def test_too_large_an_answer_is_marked_alone(shop: Shop) -> None:
    call = call_of(credential_id=None, method="POST", path=TAGS, key="k", content=b"")
    with shop.entered():
        keep_answer(call, b"x" * (MOST_ANSWER_BYTES + 1))
    with pytest.raises(Conflict) as refused, shop.entered():
        find_answer(call)
    assert refused.value.code == "idempotency_not_kept"


def test_a_secret_is_not_kept(client: Client, shop: Shop) -> None:
    keys = f"{API}api-keys/"
    body = {"name": "till", "scopes": ["catalog.view_tag"]}
    made = client.post(keys, body, **keyed()).json()
    rotate = f"{keys}{made['id']}/rotate/"
    assert client.post(rotate, {}, **keyed()).status_code == 200
    for url, sent in ((keys, body), (rotate, {})):
        assert_error(client.post(url, sent, **keyed()), 409, "idempotency_not_kept")
    with shop.entered():
        assert ApiKey.objects.count() == 1
        assert set(KeptAnswer.objects.values_list("answer", flat=True)) == {None}


def test_actions_take_keys(shop: Shop) -> None:
    store = Store(shop)
    product, customer = store.product(), store.customer()
    line = {"product_id": product["id"], "quantity": 3}
    order = store.post("orders/", {"customer": customer["id"], "items": [line]})
    cancel = f"{API}orders/{order['id']}/cancel/"
    adjust = f"{API}products/{product['id']}/adjust_stock/"
    delta = {"delta": 5, "reason": "found"}
    first = [store.client.post(cancel, **keyed()), store.client.post(adjust, delta, **keyed())]
    second = [store.client.post(cancel, **keyed()), store.client.post(adjust, delta, **keyed())]
    assert [each.status_code for each in first] == [200, 200]
    for one, other in zip(first, second, strict=True):
        assert (other.content, other.headers["Idempotent-Replayed"]) == (one.content, "true")
    assert store.get(f"products/{product['id']}/check_stock/")["quantity"] == 105
    # Without a key the second is refused, or counts.
    assert_error(store.client.post(cancel), 409, "invalid_transition")


def test_settings_take_keys(client: Client) -> None:
    first = client.patch(SETTINGS, {"name": "Hanabi Tea"}, **keyed())
    again = client.patch(SETTINGS, {"name": "Hanabi Tea"}, **keyed())
    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    other = client.patch(SETTINGS, {"name": "Hanabi"}, **keyed())
    assert_error(other, 422, "idempotency_mismatch")


def test_where_there_is_no_tenant_or_credential_keys_are_refused(shop: Shop) -> None:
    sign_in = {"username": shop.users["owner"].username, "password": PASSWORD}
    tenants = {"slug": "kaze", "name": "Kaze"}
    for caller, url, body in (
        (Client(), "/api/auth/token/", sign_in),
        (shop.client(), "/api/auth/logout/all/", {}),
        (platform(), f"{API}tenants/", tenants),
    ):
        details = assert_error(caller.post(url, body, **keyed()), 400, "validation_error")
        assert details["Idempotency-Key"][0]["code"] == "not_offered"
    # Platform staff name the tenant that keeps it.
    inside = platform(HTTP_X_TENANT_ID=str(shop.tenant.id))
    assert inside.post(f"{API}tenants/", tenants, **keyed()).status_code == 201
    again = inside.post(f"{API}tenants/", tenants, **keyed())
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")


def test_reading_needs_no_key(client: Client) -> None:
    for _number in range(3):
        response = client.get(TAGS, **keyed())
        assert response.status_code == 200
        assert "Idempotent-Replayed" not in response.headers


def test_a_row_that_is_no_longer_ones_own_to_write_is_not_shown_again(shop: Shop) -> None:
    """The right is still there; what the rule about rows asks for is not."""
    manager = shop.client("manager")
    body = {"name": "Pharmacy", "requires_approval": True}
    first = manager.post(f"{API}categories/", body, **keyed())
    assert first.status_code == 201
    assert manager.post(f"{API}categories/", body, **keyed()).content == first.content
    with shop.entered():
        membership = Membership.objects.get(user=shop.users["manager"])
        staff = Role.objects.get(slug="staff")
        MembershipRole.objects.filter(membership=membership).update(role=staff)
    assert_error(manager.post(f"{API}categories/", body, **keyed()), 403, "approval_required")


def test_replays_are_counted(client: Client) -> None:
    client.post(TAGS, GREEN, **keyed())

    def left() -> int:
        response = client.post(TAGS, GREEN, **keyed())
        return int(response.headers["RateLimit"].split("r=")[1].split(";")[0])

    assert left() - left() == 1


def test_an_unknown_parameter_under_a_known_key_is_another_request(client: Client) -> None:
    client.post(TAGS, GREEN, **keyed())
    assert_error(client.post(f"{TAGS}?a=1", GREEN, **keyed()), 422, "idempotency_mismatch")


def test_a_broken_effect_leaves_nothing(
    client: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that can't be kept takes the effect back with it."""
    monkeypatch.setattr(keeping, "_KEEP", "SELECT 1 / 0")
    assert client.post(TAGS, GREEN, **keyed()).status_code == 500
    monkeypatch.undo()
    assert client.get(TAGS).json()["count"] == 0
    assert client.post(TAGS, GREEN, **keyed()).status_code == 201


def test_kept_answers_are_rows_of_their_tenant(client: Client, shop: Shop, neighbour: Shop) -> None:
    client.post(TAGS, GREEN, **keyed())
    with shop.entered():
        row = KeptAnswer.objects.get()
        before = context.revisions()
    with neighbour.entered(), transaction.atomic():
        assert KeptAnswer.objects.filter(id=row.id).count() == 0
    client.post(TAGS, json.loads(json.dumps(GREEN)), **keyed())
    with enter(shop.tenant.id):
        assert context.revisions() == before, "a replay makes nothing stale"

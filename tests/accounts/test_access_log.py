"""The log of access over HTTP: for managers and owners, to read and never to write."""

from __future__ import annotations

import uuid

import pytest

from granting import LOG, ROLES, entries, hire, make_key
from noren_kit.audit.models import AccessEntry
from noren_kit.testing.answers import assert_error, outward
from noren_kit.testing.contract import ContractBase
from noren_kit.testing.shops import Client, Shop


class TestAccessEntry(ContractBase):
    """Rows come from what is done, so none is made here."""

    path = "audit/access"


@pytest.fixture
def made(shop: Shop) -> list[str]:
    """Five roles made: their slugs, oldest first."""
    client, slugs = shop.client(), [f"role-{number}" for number in range(5)]
    for slug in slugs:
        body = {"slug": slug, "name": slug, "permissions": []}
        assert client.post(ROLES, body).status_code == 201
    return slugs


def slugs_of(client: Client, query: str = "") -> list[str]:
    response = client.get(f"{LOG}?kind=role_created{query}")
    assert response.status_code == 200, response.json()
    return [row["details"]["slug"] for row in response.json()["results"]]


def test_managers_and_owners_read(shop: Shop, made: list[str]) -> None:
    for name in ("viewer", "staff"):
        assert_error(shop.client(name).get(LOG), 403, "permission_denied")
    hire(shop, "auditor", "audit.view_accessentry")
    for name in ("manager", "owner", "auditor"):
        assert slugs_of(shop.client(name)) == made[::-1], "newest first"
    by_key, _id = make_key(shop, "owner", "catalog.view_product")
    assert_error(by_key.get(LOG), 403, "permission_denied")


def test_an_entry_says_who_did_what_and_from_where(shop: Shop, made: list[str]) -> None:
    client = shop.client()
    row = client.get(f"{LOG}?kind=role_created&page_size=1").json()["results"][0]
    assert client.get(f"{LOG}{row['id']}/").json() == row
    owner = shop.users["owner"]
    assert row["actor"] == {"id": str(owner.id), "name": owner.display_name}
    assert row["address"] == "127.0.0.1"
    assert row["kind"] == "role_created"
    assert set(row) == {
        "id",
        "kind",
        "occurred_at",
        "actor",
        "credential_id",
        "address",
        "request_id",
        "details",
    }


def test_filters(shop: Shop, made: list[str]) -> None:
    client, log = shop.client(), entries(shop, AccessEntry.Kind.ROLE_CREATED)
    moment = log[2].occurred_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert slugs_of(client, f"&occurred_after={moment}") == made[:1:-1]
    assert slugs_of(client, f"&occurred_before={moment}") == made[1::-1]
    assert slugs_of(client, f"&actor_id={shop.users['owner'].id}") == made[::-1]
    for nobody in (shop.users["viewer"].id, uuid.uuid4()):
        assert slugs_of(client, f"&actor_id={nobody}") == []
    assert slugs_of(client, "&ordering=occurred_at") == made
    for query in (
        "kind=none",
        "actor_id=x",
        "occurred_after=x",
        "created_after=2026-01-01T00:00:00Z",
        "ordering=kind",
        "ordering=created_at",
        "search=x",
    ):
        assert_error(client.get(f"{LOG}?{query}"), 400, "validation_error")


def test_pages_and_cursors(shop: Shop, made: list[str]) -> None:
    client = shop.client()
    assert slugs_of(client, "&page=2&page_size=2") == made[::-1][2:4]
    link, seen = f"{LOG}?kind=role_created&cursor=&page_size=2", []
    while link:
        page = client.get(link).json()
        seen += [row["details"]["slug"] for row in page["results"]]
        link = page["next"]
    assert seen == made[::-1]
    assert client.get(LOG, {"fields": "kind"}).json()["results"][0] == {"kind": "role_created"}


def test_nobody_writes_it(shop: Shop, made: list[str]) -> None:
    client, entry = shop.client(), entries(shop, AccessEntry.Kind.ROLE_CREATED)[0]
    for verb, url in (
        ("post", LOG),
        ("put", f"{LOG}{entry.id}/"),
        ("patch", f"{LOG}{entry.id}/"),
        ("delete", f"{LOG}{entry.id}/"),
    ):
        assert_error(getattr(client, verb)(url), 405)
    assert slugs_of(client) == made[::-1]


def test_another_tenants_log_is_unknown(shop: Shop, neighbour: Shop, made: list[str]) -> None:
    stranger = neighbour.client()
    foreign, unknown = str(entries(shop, AccessEntry.Kind.ROLE_CREATED)[0].id), str(uuid.uuid4())
    answers = [stranger.get(f"{LOG}{each}/") for each in (foreign, unknown)]
    assert_error(answers[0], 404, "not_found")
    assert outward(answers[0], foreign) == outward(answers[1], unknown)
    assert slugs_of(stranger) == []
    assert slugs_of(stranger, f"&actor_id={shop.users['owner'].id}") == []

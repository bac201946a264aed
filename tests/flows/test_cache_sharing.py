"""Nobody gets a cached answer that is not theirs, and everybody who may gets the one there is.

For every cached route and callers of every kind: what the store holds makes no difference to what
is answered, but for the time that it takes.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cached_routes import (
    CACHED,
    HIT,
    MISS,
    Cached,
    ColdStore,
    add_colleague,
    callers,
    every_route,
    fill,
    rest,
    urls,
)

from granting import make_key
from noren_kit.accounts.models import ApiKey, Membership, MembershipRole, Role, SignInSession, User
from noren_kit.api.dependencies import binds_readers
from noren_kit.stack.redis import EmbeddedRedis
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.answers import assert_error, outward
from noren_kit.testing.live import live_server
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Client, Shop

BRANDS = "/api/v1/brands/"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> ColdStore:
    return ColdStore(monkeypatch)


def answers(store: ColdStore, clients: dict[str, Client], url: str) -> dict[str, Any]:
    """What each caller gets who finds nothing in the store."""
    found = {}
    for name, client in clients.items():
        with store.apart():
            found[name] = client.get(url)
    return found


@every_route
def test_what_others_asked_for_makes_no_difference(
    cached: Cached, shop: Shop, neighbour: Shop, store: ColdStore
) -> None:
    """Each after all others, in both directions."""
    model = cached.view.resource_model()
    clients = {**callers(shop), "stranger": neighbour.client()}
    owned = [fill(shop, role)[model] for role in ("buyer-b", "buyer-a")]
    fill(neighbour)
    for url in urls(cached, owned):
        alone = answers(store, clients, url)
        shared = set()
        for order in (list(clients), list(clients)[::-1]):
            store.chill()
            for name in order:
                response = clients[name].get(url)
                assert outward(response).status == alone[name].status_code, name
                assert outward(response).body == outward(alone[name]).body, name
                if response.headers.get("Cache-Status") == HIT:
                    shared.add(name)
        assert "stranger" not in shared
        others = [each.headers["ETag"] for each in alone.values() if each.status_code == 200]
        for name, client in clients.items():
            mine = alone[name]
            foreign = [tag for tag in others if tag != mine.headers.get("ETag")]
            asked = client.get(url, headers={"If-None-Match": ", ".join(foreign)})
            assert asked.status_code == mine.status_code, name


@every_route
def test_the_next_tenants_data_is_its_own(
    cached: Cached, shop: Shop, neighbour: Shop, store: ColdStore
) -> None:
    """Also where both hold the same, row by row, and stand at the same revisions."""
    model, bodies = cached.view.resource_model(), []
    for each in (shop, neighbour):
        url, client = cached.url(fill(each)[model]), each.client()
        first, second = client.get(url), client.get(url)
        assert [one.headers["Cache-Status"] for one in (first, second)] == [MISS, HIT]
        assert first.content == second.content
        bodies.append((first.headers["ETag"], first.content))
    (tag, body), (others, foreign) = bodies
    assert tag != others
    if cached.action not in ("facets", "statistics"):
        assert body != foreign


@every_route
def test_people_of_the_same_rights_share(cached: Cached, shop: Shop, store: ColdStore) -> None:
    """Unless a rule may show each of them something else."""
    url = cached.url(fill(shop)[cached.view.resource_model()])
    colleague = add_colleague(shop, "colleague", "owner")
    first, second = shop.client().get(url), colleague.get(url)
    assert first.headers["Cache-Status"] == MISS
    assert first.content == second.content
    shares = not binds_readers(cached.rules)
    assert second.headers["Cache-Status"] == (HIT if shares else MISS)
    assert (first.headers["ETag"] == second.headers["ETag"]) is shares


@every_route
def test_conditional_requests(cached: Cached, shop: Shop, store: ColdStore) -> None:
    url, client = cached.url(fill(shop)[cached.view.resource_model()]), shop.client()
    whole = client.get(url)
    tag = whole.headers["ETag"]
    for stated in (tag, f"W/{tag}", f'"x", {tag}', f'W/"x",W/{tag} , "y"', "*"):
        for verb in ("get", "head"):
            with recorded_statements() as statements:
                response = getattr(client, verb)(url, headers={"If-None-Match": stated})
            assert response.status_code == 304, (stated, verb)
            assert response.content == b""
            assert len(statements) == 1, statements
            assert response.headers["ETag"] == tag
            assert "RateLimit" in response.headers
            for name in ("Vary", "Cache-Control"):
                assert response.headers[name] == whole.headers[name]
    for stated in ('"x"', tag.strip('"')[:-1], f'"{tag.strip(chr(34))}x"'):
        assert client.get(url, headers={"If-None-Match": stated}).status_code == 200, stated


@every_route
def test_head_has_the_headers_of_get(cached: Cached, shop: Shop, store: ColdStore) -> None:
    url, client = cached.url(fill(shop)[cached.view.resource_model()]), shop.client()
    known = []
    for verb in ("get", "head"):
        store.chill()
        first, second = getattr(client, verb)(url), getattr(client, verb)(url)
        assert [each.headers["Cache-Status"] for each in (first, second)] == [MISS, HIT]
        known.append((rest(first.headers, "ETag"), rest(second.headers, "ETag")))
        if verb == "head":
            assert first.content == second.content == b""
            # What a HEAD left is the whole answer.
            assert client.get(url).headers["ETag"] == second.headers["ETag"]
            assert int(second.headers["Content-Length"]) == len(client.get(url).content) > 0
    assert known[0] == known[1]


def test_parameters_in_any_order_are_one_answer(shop: Shop, store: ColdStore) -> None:
    fill(shop)
    client = shop.client()
    first = client.get(f"{BRANDS}?page=1&page_size=5")
    second = client.get(f"{BRANDS}?page_size=5&page=1")
    assert second.headers["Cache-Status"] == HIT
    assert first.content == second.content
    other = client.get(f"{BRANDS}?page=1&page_size=6")
    assert other.headers["Cache-Status"] == MISS


def _lose_role(shop: Shop) -> None:
    with shop.entered():
        MembershipRole.objects.filter(membership__user=shop.users["staff"]).delete()


def _lose_right(shop: Shop) -> None:
    with shop.entered():
        Role.objects.filter(slug="clerk").update(permissions=["catalog.view_tag"])


def _lose_membership(shop: Shop) -> None:
    with shop.entered():
        members = Membership.objects.filter(user=shop.users["staff"])
        members.update(deleted_at=shop.tenant.created_at)


def _suspend(shop: Shop) -> None:
    suspended = Tenant.Status.SUSPENDED
    Tenant.objects.using("platform").filter(id=shop.tenant.id).update(status=suspended)


def _disable(shop: Shop) -> None:
    User.objects.filter(id=shop.users["staff"].id).update(is_active=False)


def _end_session(shop: Shop) -> None:
    sessions = SignInSession.objects.filter(user=shop.users["staff"])
    sessions.update(ended_at=shop.tenant.created_at)


def _revoke_key(shop: Shop) -> None:
    with shop.entered():
        ApiKey.objects.update(deleted_at=shop.tenant.created_at)


def _narrow_key(shop: Shop) -> None:
    with shop.entered():
        ApiKey.objects.update(scopes=["catalog.view_tag"])


LOSSES: list[tuple[str, Callable[[Shop], None], int]] = [
    ("staff", _lose_role, 403),
    ("clerk", _lose_right, 403),
    ("staff", _lose_membership, 401),
    ("staff", _suspend, 401),
    ("staff", _disable, 401),
    ("staff", _end_session, 401),
    ("key", _revoke_key, 401),
    ("key", _narrow_key, 403),
]


@pytest.mark.parametrize(
    ("caller", "lose", "status"), LOSSES, ids=[lose.__name__ for _caller, lose, _status in LOSSES]
)
def test_what_was_taken_away_is_refused_at_once(
    caller: str, lose: Callable[[Shop], None], status: int, shop: Shop, store: ColdStore
) -> None:
    fill(shop)
    shop.hire("clerk", ["catalog.view_brand"])
    key, _id = make_key(shop, "owner", "catalog.view_brand")
    client = key if caller == "key" else shop.client(caller)
    tag = client.get(BRANDS).headers["ETag"]
    assert client.get(BRANDS).headers["Cache-Status"] == HIT
    lose(shop)
    for headers in ({}, {"If-None-Match": tag}, {"If-None-Match": "*"}):
        for verb in ("get", "head"):
            response = getattr(client, verb)(BRANDS, headers=headers)
            assert response.status_code == status, (verb, headers)
            assert "ETag" not in response.headers


def test_limits_count_what_is_cached(shop: Shop, store: ColdStore) -> None:
    fill(shop)
    limit = 8
    Tenant.objects.using("platform").filter(id=shop.tenant.id).update(requests_per_hour=limit)
    client = shop.client("staff")
    first = client.get(BRANDS)
    known = {"If-None-Match": first.headers["ETag"]}
    passed = [
        *(client.get(BRANDS) for _ in range(3)),
        *(client.get(BRANDS, headers=known) for _ in range(3)),
        client.head(BRANDS),
    ]
    assert [each.status_code for each in passed] == [200] * 3 + [304] * 3 + [200]
    assert {each.headers["Cache-Status"] for each in passed} == {HIT}
    left = [int(each.headers["RateLimit"].split("r=")[1].split(";")[0]) for each in passed]
    assert left == list(range(limit - 2, -1, -1))
    for headers in ({}, known):
        assert_error(client.get(BRANDS, headers=headers), 429, "throttled")


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path / "redis") as server:
        yield server


def ask(base_url: str, token: str, path: str) -> tuple[int, str | None, bytes]:
    parts = urlsplit(base_url)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        line.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        response = line.getresponse()
        return response.status, response.headers["Cache-Status"], response.read()
    finally:
        line.close()


def test_redis_away(
    monkeypatch: pytest.MonkeyPatch, redis_server: EmbeddedRedis, shop: Shop
) -> None:
    """Memory still answers, the rest is computed and kept there, and nothing fails."""
    rows, token = fill(shop), shop.token("owner")
    shown = {each: rows[each.view.resource_model()] for each in CACHED}
    for name in ("LIMITS_REDIS_URL", "CACHE_REDIS_URL"):
        monkeypatch.setenv(name, redis_server.url)
    with live_server(1) as base_url:
        before = {each: ask(base_url, token, each.url(row)) for each, row in shown.items()}
        redis_server.stop()
        for each, row in shown.items():
            assert ask(base_url, token, each.url(row)) == (200, HIT, before[each][2])
            if each.action in each.view.cached_actions:
                continue
            url = each.url(row, fields="id")
            first, second = ask(base_url, token, url), ask(base_url, token, url)
            assert (first[:2], second[:2]) == ((200, MISS), (200, HIT))
            assert first[2] == second[2]
    assert {each[:2] for each in before.values()} == {(200, MISS)}

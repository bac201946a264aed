"""A read after a write is made anew by its recipe: the same to the byte as the framework's."""

from __future__ import annotations

from typing import Any

import pytest
from cached_routes import (
    HIT,
    Cached,
    ColdStore,
    callers,
    every_route,
    fill,
    hire_narrow,
    parameter_sets,
    touch,
)
from short_way import Process

from noren_kit.testing.plugin import OwnerConnection
from noren_kit.testing.shops import Client, Shop

# What no recipe can say: filters that read something first, and rows that are looked at twice.
UNSAID = {"category", "highlight"}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> ColdStore:
    return ColdStore(monkeypatch)


@pytest.fixture
def process(store: ColdStore) -> Process:
    return Process()


def _two_of_each(sets: list[dict[str, str]]) -> list[dict[str, str]]:
    """Of sets that differ in values alone the first and the last."""
    kinds: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for each in sets:
        kinds.setdefault(tuple(each), []).append(each)
    return [each for kind in kinds.values() for each in (kind[:1] + kind[1:][-1:])]


def compare(
    process: Process, store: ColdStore, client: Client, url: str, *, write: Any
) -> tuple[bool, int]:
    """Read, write, read: whether the second was made by a recipe, and its status.

    It is held against what the framework makes, and again once it is kept.
    """
    process.get(client, url)
    write()
    short = process.get(client, url)
    with store.apart():
        long = process.long(client, url)
    if long.status >= 400:  # Of what the buyer does not see all, nothing is expanded.
        assert (short.status, short.long) == (long.status, True)
        return False, short.status
    assert short.rest("ETag") == long.rest("ETag")
    assert short.kept == long.kept
    again = process.get(client, url)
    assert again.rest() == short.rest()
    assert (again.kept, again.long) == (HIT, False)
    return not short.long, short.status


@every_route
def test_it_answers_as_the_framework_does(
    cached: Cached, shop: Shop, process: Process, store: ColdStore, owner: OwnerConnection
) -> None:
    """For every parameter, one who sees everything and one who sees their own."""
    fill(shop)
    buyer = hire_narrow(shop, "buyer")
    rows = fill(shop, "buyer")
    model, made = cached.view.resource_model(), 0
    for client in (shop.client(), buyer):
        for parameters in _two_of_each(parameter_sets(cached, rows[model])):
            url = cached.url(rows[model], **parameters)
            by_recipe, status = compare(
                process, store, client, url, write=lambda: touch(owner, shop, model)
            )
            made += by_recipe
            sayable = cached.action in ("list", "retrieve") and not UNSAID & set(parameters)
            if sayable and status == 200 and process.get(client, url).content.count(b'"id"'):
                assert by_recipe, parameters
    assert made or cached.action not in ("list", "retrieve")


@every_route
def test_rows_of_one_resource_share_it(
    cached: Cached, shop: Shop, process: Process, store: ColdStore
) -> None:
    """What was learned of one row answers for another; one that is not there is the same 404."""
    first, second = fill(shop), fill(shop)
    model, client = cached.view.resource_model(), shop.client()
    urls = [cached.url(rows[model]) for rows in (first, second)]
    if cached.action not in ("list", "retrieve") or urls[0] == urls[1]:
        return
    process.get(client, urls[0])
    short = process.get(client, urls[1])
    with store.apart():
        long = process.long(client, urls[1])
    assert not short.long
    assert short.rest("ETag") == long.rest("ETag")
    for url in (cached.url(first[model]).replace(str(first[model].pk), str(shop.tenant.id)),):
        if url not in urls:
            missing = process.get(client, url)
            assert (missing.status, missing.long) == (404, True)


@every_route
def test_nobody_gets_anothers(
    cached: Cached,
    shop: Shop,
    neighbour: Shop,
    process: Process,
    store: ColdStore,
    owner: OwnerConnection,
) -> None:
    """Callers of every kind, of two tenants, who ask for the same in one process after a write."""
    rows = fill(shop)
    fill(neighbour)
    hire_narrow(neighbour, "buyer-a")
    model = cached.view.resource_model()
    url = cached.url(rows[model])
    clients = {**callers(shop), "neighbour": neighbour.client()}
    clients["their buyer"] = neighbour.client("buyer-a")
    for client in clients.values():
        process.get(client, url)
    touch(owner, shop, model)
    touch(owner, neighbour, model)
    for name, client in clients.items():
        short = process.get(client, url)
        with store.apart():
            long = process.long(client, url)
        ignored = ("ETag", "Content-Length") if long.status >= 400 else ("ETag",)
        if long.status >= 400:
            assert (short.status, short.rest(*ignored)[2]) == (
                long.status,
                long.rest(*ignored)[2],
            ), name
        else:
            assert short.rest(*ignored) == long.rest(*ignored), name

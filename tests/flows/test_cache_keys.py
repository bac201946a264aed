"""What a cached answer reads is what it is keyed by.

For every cached route with every parameter, the tables that its statements name are among the
collections of its key; writing to those makes it new, and writing to no other does.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from cached_routes import (
    CACHED,
    HIT,
    MISS,
    REVISED,
    Cached,
    ColdStore,
    every_route,
    fill,
    hire_narrow,
    parameter_sets,
    touch,
)
from django.apps import apps

from noren_kit.api.dependencies import (
    collections_of_action,
    collections_of_detail,
    collections_of_list,
)
from noren_kit.api.reading import Representation
from noren_kit.db.revisions import collection_of
from noren_kit.search.models import Term
from noren_kit.testing.plugin import OwnerConnection
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Client, Shop

_NAMED = re.compile(r'\b(?:FROM|JOIN)\s+(?:ONLY\s+)?"?([a-z_]+)\b"?(?!\()', re.IGNORECASE)
MODELS = {model._meta.db_table: model for model in apps.get_models()}
# What comes anew with each request; and what is written together with the rows that it is made of.
PRECEDING = {"tenancy_revision", "tenancy_globalrevision"}
FOLLOWING = {Term._meta.db_table}
# Columns that belong to another collection than their table.
APART = [(model, name) for model in REVISED for name in getattr(model, "counted_apart", {})]


def keyed_by(cached: Cached, parameters: dict[str, str]) -> frozenset[str]:
    view, action = cached.view, cached.action
    if action in view.cached_actions:
        shown = Representation(view.action_serializers.get(action))
        paths = tuple(view.cached_actions[action])
        found = collections_of_action(view, shown, paths, parameters)
    elif action == "retrieve":
        found = collections_of_detail(view, cached.representation(parameters))
    else:
        found = collections_of_list(view, cached.representation(parameters), parameters)
    assert found is not None, (cached, parameters)
    return found


def tables_of(statements: list[str]) -> set[str]:
    named = {name for text in statements for name in _NAMED.findall(text)}
    return named & set(MODELS) - PRECEDING - FOLLOWING


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> ColdStore:
    return ColdStore(monkeypatch)


def narrow(shop: Shop) -> tuple[Client, dict[type, Any]]:
    client = hire_narrow(shop, "buyer")
    return client, fill(shop, "buyer")


def test_every_resource_of_the_shop_is_cached() -> None:
    assert len(CACHED) >= 20
    assert {each.action for each in CACHED} >= {"list", "retrieve", "popular", "statistics"}


@every_route
def test_its_tables_are_in_its_key(cached: Cached, shop: Shop, store: ColdStore) -> None:
    fill(shop)
    buyer, rows = narrow(shop)
    row, seen = rows[cached.view.resource_model()], set()
    for client in (shop.client(), buyer):
        store.chill()
        for parameters in parameter_sets(cached, row):
            with recorded_statements() as statements:
                response = client.get(cached.url(row, **parameters))
            if "expand" in parameters and client is buyer and response.status_code == 403:
                continue  # Of what they don't see all, nothing is expanded.
            assert response.status_code == 200, (parameters, response.json())
            assert response.headers["Cache-Status"] == MISS, parameters
            tables, collections = tables_of(statements), keyed_by(cached, parameters)
            for table in tables:
                assert collection_of(MODELS[table]) in collections, (parameters, table)
            seen |= tables
    assert cached.view.resource_model()._meta.db_table in seen


@every_route
def test_what_is_written_makes_it_new_and_nothing_else_does(
    cached: Cached, shop: Shop, store: ColdStore, owner: OwnerConnection
) -> None:
    fill(shop)
    buyer, rows = narrow(shop)
    url = cached.url(rows[cached.view.resource_model()])
    keyed = keyed_by(cached, {})
    outcomes = set()
    for client in (shop.client(), buyer):
        before = client.get(url).headers["ETag"]
        for model, column in [*((model, "") for model in REVISED), *APART]:
            touch(owner, shop, model, column)
            collection = model.counted_apart[column] if column else collection_of(model)
            response = client.get(url)
            outcome = (response.headers["Cache-Status"], response.headers["ETag"] == before)
            assert outcome == ((MISS, False) if collection in keyed else (HIT, True)), (
                model,
                column,
            )
            with store.apart():
                assert response.content == client.get(url).content, (model, column)
            before = response.headers["ETag"]
            outcomes.add(outcome)
    assert outcomes == {(MISS, False), (HIT, True)}


@every_route
def test_another_tenants_writes_leave_it(
    cached: Cached, shop: Shop, neighbour: Shop, store: ColdStore, owner: OwnerConnection
) -> None:
    rows, _theirs = fill(shop), fill(neighbour)
    url, client = cached.url(rows[cached.view.resource_model()]), shop.client()
    before = client.get(url).headers["ETag"]
    for model in REVISED:
        if collection_of(model) != "accounts_user":
            touch(owner, neighbour, model)
    after = client.get(url)
    assert (after.headers["Cache-Status"], after.headers["ETag"]) == (HIT, before)

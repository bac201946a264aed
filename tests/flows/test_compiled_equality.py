"""What is read compiled equals what Django REST framework shows, byte for byte.

For every serializer of a model that can be compiled, any choice of fields, any order, and rows
as hostile as the tables allow. A resource that is not compiled fails here.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from django.db import models
from django.db.models import QuerySet
from random_rows import RandomRows, Values
from rest_framework import serializers

from noren_kit.api.envelope import dumps
from noren_kit.api.reading import (
    NotCompilable,
    Representation,
    compile_plan,
    plan_for,
    read_by_framework,
    read_ids,
    read_rows,
)
from noren_kit.api.registry import routes
from noren_kit.api.serializers import DynamicFields
from noren_kit.api.splicing import parts_of
from noren_kit.api.viewsets import ResourceViewSet
from noren_kit.core.money import Rounding
from noren_kit.tenancy.checks import is_tenant_model
from noren_kit.testing.plugin import OwnerConnection
from noren_kit.testing.shops import make_shop

VIEWS = sorted(
    {route.view for route in routes() if issubclass(route.view, ResourceViewSet)},
    key=lambda view: view.__name__,
)
# Rows of each model in a round, a round for each of a tenant's settings that amounts depend on.
COUNT, CHOICES, LEAST_CASES = 24, 4, 10_000
ROUNDS = [(tax, rounding) for tax in (True, False) for rounding in Rounding.values]


def _subclasses(kind: type) -> Iterator[Any]:
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)


@cache
def _is_compiled(serializer: Any) -> bool:
    try:
        compile_plan(serializer())
    except NotCompilable:
        return False
    return True


ALL = sorted(
    {
        each
        for each in _subclasses(serializers.ModelSerializer)
        if each.__module__.startswith(("noren.", "noren_kit.")) and hasattr(each, "Meta")
    },
    key=lambda each: f"{each.__module__}.{each.__qualname__}",
)
COMPILED = [each for each in ALL if _is_compiled(each)]


def shown_by(view: Any) -> set[Any]:
    return {view.serializer_class, view.list_serializer_class} - {None}


def written_by(view: Any) -> set[Any]:
    return {view.write_serializer_class, view.update_serializer_class} - {None}


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_every_resource_is_compiled(view: Any) -> None:
    for serializer in shown_by(view):
        assert plan_for(Representation(serializer)) is not None, serializer


def test_what_is_not_compiled_shows_nothing() -> None:
    """Only shapes of bodies, and the one that takes its secret from no column."""
    bodies = set().union(*map(written_by, VIEWS))
    others = {each.__name__ for each in ALL if each not in COMPILED and each not in bodies}
    assert others == {"ApiKeySecretSerializer"}
    assert set().union(*map(shown_by, VIEWS)) <= set(COMPILED)


def choices(serializer: Any, chance: random.Random) -> Iterator[Representation]:
    """All of it, then any parts of it."""
    yield Representation(serializer)
    if not issubclass(serializer, DynamicFields):
        return
    names = sorted(serializer().fields)
    for _ in range(CHOICES - 1):
        some = tuple(
            sorted(chance.sample(names, chance.choice((1, 2, len(names) // 2, len(names)))))
        )
        fewer = tuple(sorted(chance.sample(names, chance.randint(1, 3))))
        stated = chance.choice(({"fields": some}, {"omit": fewer}, {"fields": some, "omit": fewer}))
        paths = sorted(serializer.expand_paths())
        if paths and chance.random() < 0.5:
            stated["expand"] = tuple(sorted(chance.sample(paths, chance.randint(1, len(paths)))))
        yield Representation(serializer, tuple(sorted(stated.items())))


def ordering_of(model: Any, chance: random.Random) -> list[str]:
    """One or two terms that some list of the model may be ordered by, and the id for ties."""
    names = {
        name
        for view in VIEWS
        if view.resource_model() is model
        for name in view.orderings()
        if name in {field.name for field in model._meta.fields}
    }
    chosen = chance.sample(sorted(names), min(len(names), chance.randint(0, 2)))
    return [f"{chance.choice(('', '-'))}{name}" for name in [*chosen, "id"]]


def rows_of(model: Any, chance: random.Random) -> tuple[QuerySet[Any], list[str]]:
    """Rows of a list, of all rows with the deleted ones, or of a page; and their order."""
    manager = (
        chance.choice(sorted(model._meta.managers_map)) if is_tenant_model(model) else "objects"
    )
    terms = ordering_of(model, chance)
    rows = model._meta.managers_map[manager].order_by(*terms)
    start = chance.choice((0, 0, 0, 7))
    return rows[start:] if start else rows, terms


def difference(ours: Any, theirs: Any) -> Any:
    """The members that differ, all the way down."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and list(ours) == list(theirs):
        pairs = ((name, ours[name], theirs[name]) for name in ours)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = zip(range(len(ours)), ours, theirs, strict=True)
    else:
        return f"{ours!r:.400} is not {theirs!r:.400}"
    return {name: difference(a, b) for name, a, b in pairs if dumps(a) != dumps(b)}


def compare(representation: Representation, chance: random.Random) -> int:
    """Assert that both ways of reading agree; returns the number of rows."""
    plan = plan_for(representation)
    assert plan is not None, representation
    rows, terms = rows_of(plan.model, chance)
    compiled = read_rows(rows, representation, terms)
    framed = read_by_framework(rows, representation.serializer(), terms)
    assert len(compiled) == len(framed), representation
    for ours, theirs in zip(compiled, framed, strict=True):
        same = dumps(ours.shown) == dumps(theirs.shown)
        assert same, (representation, difference(ours.shown, theirs.shown))
        assert ours.place == theirs.place, (representation, terms)
    parts = spliced(representation, rows)
    for ours, theirs in zip(parts, framed if parts else [], strict=True):
        assert dumps(ours) == dumps(theirs.shown), (representation, difference(ours, theirs.shown))
    return len(compiled)


def spliced(representation: Representation, rows: QuerySet[Any]) -> list[dict[str, Any]]:
    """The rows put together from what lasts and what moves, none where they have no such parts."""
    parts = parts_of(representation)
    moving = plan_for(parts.moving) if parts else None
    if parts is None or moving is None:
        return []
    lasting = [each.shown for each in read_rows(rows, parts.lasting)]
    moved = read_ids(moving, [str(row["id"]) for row in lasting])
    return [
        {
            name: (moved[row["id"]] if name in parts.moving_names else row)[name]
            for name in parts.names
        }
        for row in lasting
    ]


def models_read() -> set[type[models.Model]]:
    plans = [plan_for(Representation(each)) for each in COMPILED]
    return {model for plan in plans if plan is not None for model, _column in plan.reads}


@pytest.mark.parametrize("currency", ["JPY", "USD", "KWD"])
def test_any_rows_in_any_choice(
    currency: str, owner: OwnerConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = 0
    wanted = models_read()
    for includes_tax, rounding in ROUNDS:
        seed = f"{currency} {includes_tax} {rounding}"
        values = Values(seed)
        shop = make_shop(currency=currency, prices_include_tax=includes_tax, tax_rounding=rounding)
        RandomRows(wanted, values, COUNT).write(owner.connection, shop.tenant.id)
        with shop.entered():
            for serializer in COMPILED:
                for representation in choices(serializer, values.random):
                    cases += compare(representation, values.random)
    with capsys.disabled():
        print(f" {cases:,} cases in {currency}", end="")
    assert cases >= LEAST_CASES

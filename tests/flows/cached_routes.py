"""What the tests of cached answers share: every route that is cached, callers, and a cold store.

Routes come from the registry and parameters from the views, so a new one is covered without a
line here.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.contrib.admindocs.views import simplify_regex

from granting import make_key
from noren.catalog.models import Product, Review
from noren_kit.accounts.models import User
from noren_kit.accounts.permissions import least_right_of, right_of
from noren_kit.accounts.provisioning import add_member
from noren_kit.accounts.row_rules import RowRule
from noren_kit.api.bin import DELETED
from noren_kit.api.parameters import AS_OF
from noren_kit.api.reading import Representation
from noren_kit.api.registry import routes, rules_of
from noren_kit.api.searching import HIGHLIGHT
from noren_kit.api.viewsets import ResourceViewSet
from noren_kit.db.constraints import AppendOnly
from noren_kit.db.revisions import RevisedForAll, collection_of
from noren_kit.tenancy.checks import tenant_models
from noren_kit.tenancy.models import TenantModel
from noren_kit.testing.filling import Filler
from noren_kit.testing.plugin import OwnerConnection
from noren_kit.testing.shops import Client, Shop

SPARSE = ("expand", "fields", "omit")
HIT, MISS = "noren; hit", "noren; fwd=miss"
REVISED = sorted(
    (model for model in apps.get_models() if collection_of(model)),
    key=lambda model: model._meta.label,
)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Cached:
    """An action whose answers are cached, at its path."""

    path: str  # With `<name>` for each captured part.
    view: Any = field(repr=False)
    action: str

    def __str__(self) -> str:
        return f"{self.action} {self.path}"

    @property
    def rules(self) -> list[RowRule]:
        parents = rules_of(self.view.parent_model()) if self.view.parent_field else ()
        return [*self.view.row_rules, *parents]

    def url(self, row: Any, **parameters: str) -> str:
        """The address by which `row` is shown, or the list that it is in."""
        names = re.findall(r"<(\w+)>", self.path)
        ids = {name: row.pk if name == "pk" else getattr(row, f"{name}_id") for name in names}
        path = re.sub(r"<(\w+)>", lambda part: str(ids[part[1]]), self.path)
        return f"{path}?{urlencode(parameters)}" if parameters else path

    def representation(self, parameters: dict[str, str]) -> Representation:
        view = self.view()
        view.action = self.action
        stated = sorted((name, parameters[name]) for name in SPARSE if name in parameters)
        choices = tuple((name, tuple(sorted(value.split(",")))) for name, value in stated)
        return Representation(view.get_serializer_class(), choices)

    @property
    def expanded(self) -> dict[str, str]:
        """All that may be expanded, as the parameter that asks for it."""
        if self.action not in ("list", "retrieve"):
            return {}
        paths = self.representation({}).serializer_class.expand_paths()
        return {"expand": ",".join(paths)} if paths else {}


def _cached() -> Iterator[Cached]:
    for route in routes():
        view = route.view
        if not issubclass(view, ResourceViewSet) or not view.cached:
            continue
        if collection_of(view.resource_model()) is None:
            continue
        path = re.sub(r"<\w+:", "<", "/" + simplify_regex(route.path).removeprefix("/"))
        for action in sorted((route.actions or set()) & {"list", "retrieve", *view.cached_actions}):
            yield Cached(path.replace("//", "/"), view, action)


CACHED = sorted(_cached(), key=str)
every_route = pytest.mark.parametrize("cached", CACHED, ids=str)


def _sample(name: str, schema: dict[str, Any], row: Any) -> str:
    if schema.get("format") == "uuid" or name == "ids":
        return str(getattr(row, f"{name}_id", None) or row.pk)
    if "enum" in schema:
        return str(schema["enum"][0])
    kind = schema.get("format", schema.get("type"))
    return {"boolean": "true", "date-time": "2000-01-01T00:00Z", "decimal": "1"}.get(kind, "x")


def parameter_sets(cached: Cached, row: Any) -> list[dict[str, str]]:
    """None, and each that the action knows, with every value that differs in kind.

    Where it can be so, nothing but ids is shown with it: what a filter looks at is not read anyway.
    """
    view = cached.view()
    view.action = cached.action
    known = view.known_parameters()
    values: dict[str, list[str]] = {"page": ["1"], "page_size": ["5"], "cursor": [""]}
    values["search"] = ["x"]
    values["ordering"] = [f"{sign}{name}" for name in view.orderings() for sign in ("", "-")]
    for name, each in view.filterset_class.base_filters.items():
        values[name] = [_sample(name, each.schema, row)]
    if known & set(SPARSE):
        shown = cached.representation({}).serializer_class
        names = list(shown().fields)
        values.update(fields=names, omit=names, expand=list(shown.expand_paths()))
    little = {"fields": "id"} if "fields" in known else {}
    found = [
        {**({} if name in SPARSE else little), name: value}
        for name in sorted(known - {HIGHLIGHT, DELETED, AS_OF})
        for value in values[name]
    ]
    return [{}, *found, *([{"search": "x", HIGHLIGHT: "true"}] if HIGHLIGHT in known else [])]


def fill(shop: Shop, role: str = "owner") -> dict[type, Any]:
    """A row in every table, all of them made by the user of that role."""
    filler, user = Filler(), shop.users[role]
    with shop.entered(role):
        for model, row in filler.fill().items():
            if issubclass(model, TenantModel):
                model.every.filter(id=row.id).update(created_by=user)
        Review.objects.filter(id=filler.rows[Review].id).update(reviewer=user)
        Product.objects.update(status=Product.Status.ACTIVE)
    return filler.rows


def rights(kind: Any = right_of) -> set[str]:
    """What it takes to read everything that is cached; by `least_right_of`, one's own of it."""
    return {kind(each.view, each.action) for each in CACHED}


def hire_narrow(shop: Shop, name: str) -> Client:
    """Someone who sees their own rows alone, wherever rows are somebody's."""
    return shop.hire(name, rights(least_right_of))


def add_colleague(shop: Shop, name: str, role: str) -> Client:
    """One more member of the very same rights."""
    user = shop.users[name] = User.objects.create_user(f"{shop.tenant.slug}-{name}")
    with shop.entered():
        add_member(user=user, roles=[role])
    return shop.client(name)


def callers(shop: Shop) -> dict[str, Client]:
    """Callers who stand in all manner of ways to the shop's rows."""
    found = {role: shop.client(role) for role in ("viewer", "staff", "manager", "owner")}
    found["buyer-a"] = hire_narrow(shop, "buyer-a")
    found["buyer-b"] = add_colleague(shop, "buyer-b", "buyer-a")
    found["clerk"] = shop.hire("clerk", {each for each in rights() if "catalog" in each})
    found["key"], _id = make_key(shop, "owner", *sorted(rights()))
    found["narrow key"], _id = make_key(shop, "buyer-a", *sorted(rights(least_right_of)))
    found["bare key"], _id = make_key(shop, "owner", "catalog.view_brand")
    found["in Japanese"] = shop.client("owner")
    found["in Japanese"].credentials(**found["owner"]._credentials, HTTP_ACCEPT_LANGUAGE="ja")
    return found


def touch(owner: OwnerConnection, shop: Shop, model: Any, column: str = "") -> None:
    """Write to the shop's rows of a table past the application, or add one where none changes."""
    if any(isinstance(each, AppendOnly) for each in model._meta.constraints):
        with shop.entered():
            filler = Filler()
            filler.rows.update({each: each._base_manager.first() for each in tenant_models()})
            filler.save(model)
        return
    if column:
        change = f"{column} = {column} + 1"
    elif any(isinstance(each, RevisedForAll) for each in model._meta.constraints):
        change = "name = name || 'x'"
    else:
        names = {each.name for each in model._meta.fields}
        change = "updated_at = clock_timestamp()" if "updated_at" in names else "id = id"
    with owner.connection.transaction():
        owner.connection.execute(
            "SELECT set_config('app.tenant_id', %s, true)", [str(shop.tenant.id)]
        )
        owner.connection.execute(f"UPDATE {model._meta.db_table} SET {change}")


class ColdStore:
    """Has answers made anew, as a new release does: it shares none with the one before."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.chill()

    def chill(self) -> None:
        """From here on nothing is known."""
        self._set(f"test {next(_numbers)}")

    def _set(self, generation: str) -> None:
        self.generation = generation
        name = "noren_kit.api.answer_keys.generation"
        self._monkeypatch.setattr(name, lambda: generation)

    @contextmanager
    def apart(self) -> Iterator[None]:
        """A block that neither sees nor leaves anything in the store."""
        before = self.generation
        self.chill()
        yield
        self._set(before)


def rest(headers: Any, *ignored: str) -> dict[str, str]:
    """Headers without those that differ between any two answers."""
    left = {"X-Request-ID", "RateLimit", "RateLimit-Policy", *ignored}
    return {name: value for name, value in headers.items() if name not in left}


def urls(cached: Cached, rows: Sequence[Any]) -> list[str]:
    """Addresses of the rows, and of the last with what may be expanded; those of lists once."""
    found = [cached.url(row) for row in rows]
    return list(dict.fromkeys([*found, cached.url(rows[-1], **cached.expanded)]))

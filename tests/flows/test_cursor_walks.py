"""Walks by cursor while others write: what stays is seen once, whatever happens around it.

Hypothesis writes the scripts: rows with few values, so that most are ties, a size of the pages,
and what is done to rows between two pages. Every resource that the routes know is walked, by
each of its orderings in both directions, and by several at once.
"""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from django.db import models
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from noren_kit.api.registry import routes
from noren_kit.api.viewsets import ResourceViewSet
from noren_kit.db.fields import FixedPointField
from noren_kit.tenancy.models import TenantModel
from noren_kit.testing.filling import Filler
from noren_kit.testing.shops import Client, Shop

# For each ordering and direction; Hypothesis starts with the simplest.
SCRIPTS = 100 if "NOREN_SOAK" in os.environ else 2
VALUES = 3
MOST_PAGES = 60
DAY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def is_walked(view: Any) -> bool:
    """Tenants' resources, but for people, roles and keys: the walker stands on those."""
    if not issubclass(view, ResourceViewSet):
        return False
    model = view.resource_model()
    return issubclass(model, TenantModel) and model._meta.app_label != "accounts"


RESOURCES = {
    f"/{route.path}": route.view
    for route in routes()
    if "list" in (route.actions or ()) and "<" not in route.path and is_walked(route.view)
}


# Scripts


@dataclass(frozen=True)
class Deed:
    """Something done to the row of a number; `value` tells the row's new place among others."""

    kind: str
    row: int
    value: int


@dataclass(frozen=True)
class Script:
    values: list[int]
    page_size: int
    deeds: list[Deed]


numbers = st.integers(0, VALUES**3 - 1)
deeds = st.builds(
    Deed,
    st.sampled_from(["insert", "delete", "restore", "touch", "move"]),
    st.integers(0, 15),
    numbers,
)
scripts = st.builds(
    Script,
    st.lists(numbers, min_size=5, max_size=10),
    st.integers(2, 4),
    st.lists(deeds, min_size=3, max_size=14),
)


@st.composite
def several(draw: st.DrawFn, names: list[str]) -> list[str]:
    chosen = draw(st.permutations(names))[: draw(st.integers(2, 3))]
    return [draw(st.sampled_from(["", "-"])) + name for name in chosen]


# The rows of one resource


@dataclass
class Rows:
    """Rows of one model, written past the API: some have never been in the list of a script."""

    model: Any
    shop: Shop
    # Where an ordering stands in a related row, by its name.
    paths: dict[str, str]
    filler: Filler = field(default_factory=Filler)
    made: list[uuid.UUID] = field(default_factory=list)

    def fill(self) -> None:
        self.filler.fill()

    def new(self) -> uuid.UUID:
        identifier: uuid.UUID = self.filler.save(self.model).pk
        self.made.append(identifier)
        return identifier

    def write(self, row: uuid.UUID, **values: Any) -> None:
        related = {name: values.pop(name) for name in list(values) if name in self.paths}
        for name, value in related.items():
            relation, column = self.paths[name].split("__")
            other = self.model._meta.get_field(relation).related_model
            held = self.model.every.filter(pk=row).values(f"{relation}_id")
            other.objects.filter(pk__in=held).update(**{column: value})
        if values:
            self.model.every.filter(pk=row).update(**values)

    def delete_all(self) -> None:
        self.model.objects.update(deleted_at=timezone.now())

    def place(self, names: list[str], row: uuid.UUID, value: int) -> dict[str, Any]:
        """Values of the columns `names` by the digits of `value`; no more than three of each."""
        values: dict[str, Any] = {}
        for name in names:
            value, digit = divmod(value, VALUES)
            values[name] = self._value(self._column(name), row, digit)
        if "total_amount" in values:  # The database adds it up.
            values["subtotal_amount"] = values["total_amount"]
            values["discount_amount"] = values["tax_amount"] = Decimal(0)
        return values

    def _column(self, name: str) -> Any:
        model = self.model
        for part in self.paths.get(name, name).split("__"):
            column = model._meta.get_field(part)
            model = column.related_model
        return column

    def _value(self, column: Any, row: uuid.UUID, digit: int) -> Any:
        if isinstance(column, models.DateTimeField):
            return DAY + dt.timedelta(microseconds=digit)
        if isinstance(column, FixedPointField):
            return Decimal(1 + digit)
        if isinstance(column, models.IntegerField):
            return digit
        text = ("Tea", "tea", "茶")[digit]
        return f"{text} {row}" if self._is_unique(column.name) else text

    def _is_unique(self, name: str) -> bool:
        uniques = [
            each
            for each in self.model._meta.constraints
            if isinstance(each, models.UniqueConstraint)
        ]
        return any(name in each.fields for each in uniques)


# A walk


@dataclass
class Walk:
    """One script, carried out; `steady` rows lived throughout, `moved` ones changed places."""

    client: Client
    url: str
    rows: Rows
    ordering: list[str]
    script: Script
    mine: list[uuid.UUID] = field(default_factory=list)
    steady: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)

    @property
    def names(self) -> list[str]:
        return [term.removeprefix("-") for term in self.ordering]

    def begin(self) -> None:
        with self.rows.shop.entered():
            self.rows.delete_all()
            while len(self.rows.made) < len(self.script.values):
                self.rows.new()
            self.mine = self.rows.made[: len(self.script.values)]
            for row, value in zip(self.mine, self.script.values, strict=True):
                self.rows.write(row, deleted_at=None, **self.rows.place(self.names, row, value))
        self.steady = {str(row) for row in self.mine}
        self.deeds: Iterator[Deed] = iter(self.script.deeds)

    def do(self, deed: Deed) -> None:
        rows, row = self.rows, self.mine[deed.row % len(self.mine)]
        if deed.kind == "insert":
            row = rows.new()
            self.mine.append(row)
            rows.write(row, **rows.place(self.names, row, deed.value))
        elif deed.kind == "delete":
            rows.write(row, deleted_at=timezone.now())
        elif deed.kind == "restore":
            rows.write(row, deleted_at=None)
        elif deed.kind == "move":
            rows.write(row, **rows.place(self.names, row, deed.value))
            self.moved.add(str(row))
        else:
            others = {"created_at", "updated_at"} - set(self.names)
            moment = DAY + dt.timedelta(days=deed.value)
            rows.write(row, updated_by=None, **dict.fromkeys(others, moment))
            return
        self.steady.discard(str(row))

    def page(self, link: str) -> dict[str, Any]:
        response = self.client.get(link)
        assert response.status_code == 200, response.json()
        found: dict[str, Any] = response.json()
        return found

    def follow(self, page: dict[str, Any], direction: str, *, writing: bool) -> list[Any]:
        """The pages from `page` to the end in `direction`, with a deed after each."""
        pages = [page]
        while True:
            deed = next(self.deeds, None) if writing else None
            if deed is not None:
                with self.rows.shop.entered():
                    self.do(deed)
            if page[direction] is None:
                return pages
            assert len(pages) < MOST_PAGES, "the cursor does not come to an end"
            page = self.page(page[direction])
            pages.append(page)

    @property
    def start(self) -> str:
        query = f"page_size={self.script.page_size}&fields=id&ordering={','.join(self.ordering)}"
        return f"{self.url}?cursor=&{query}"

    def expect_steady(self, pages: list[Any], way: str) -> None:
        seen = [row["id"] for page in pages for row in page["results"]]
        unmoved = [row for row in seen if row not in self.moved]
        assert len(unmoved) == len(set(unmoved)), f"{way}: a row came twice"
        assert self.steady <= set(seen), f"{way}: rows were skipped"

    def run(self) -> None:
        self.begin()
        forwards = self.follow(self.page(self.start), "next", writing=True)
        self.expect_steady(forwards, "forwards")
        backwards = self.follow(forwards[-1], "previous", writing=True)
        self.expect_steady(backwards, "backwards")
        self.expect_the_same_pages()

    def expect_the_same_pages(self) -> None:
        """While nobody writes: all rows in order, by the same pages there and back."""
        there = self.follow(self.page(self.start), "next", writing=False)
        back = self.follow(there[-1], "previous", writing=False)[::-1]
        assert [page["results"] for page in there] == [page["results"] for page in back]
        ordering = ",".join(self.ordering)
        whole = self.page(f"{self.url}?page_size=100&fields=id&ordering={ordering}")
        assert [row for page in there for row in page["results"]] == whole["results"]


def walk_all(walker: Any, ordering: Any, count: int) -> None:
    """`count` scripts by an ordering, or by those that a strategy draws."""
    orderings = ordering if isinstance(ordering, st.SearchStrategy) else st.just(ordering)

    @settings(
        max_examples=count,
        deadline=None,
        phases=[Phase.generate],  # Scripts are short, and each run takes a tenth of a second.
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(chosen=orderings, script=scripts)
    def carry_out(chosen: list[str], script: Script) -> None:
        walker(chosen, script).run()

    carry_out()


@pytest.mark.parametrize("path", sorted(RESOURCES))
def test_walks(shop: Shop, path: str) -> None:
    view = RESOURCES[path]
    paths = {name: path for name, (path, _of_row) in view.ordering_paths.items()}
    rows = Rows(view.resource_model(), shop, paths)
    client, names = shop.client(), view.orderings()
    with shop.entered():
        rows.fill()

    def walker(ordering: list[str], script: Script) -> Walk:
        return Walk(client, path, rows, ordering, script)

    for name in names:
        walk_all(walker, [name], SCRIPTS)
        walk_all(walker, [f"-{name}"], SCRIPTS)
    walk_all(walker, several(names), 3 * SCRIPTS)


def test_all_resources_are_walked() -> None:
    named = {f"/api/v1/{name}/" for name in ("products", "customers", "orders", "tags")}
    assert named <= set(RESOURCES)

"""How an answer is made again once its rows have changed, without asking its view again.

While a view makes an answer it notes what it asks the database for and how a page is made of
that (`Draft`). If that was all that it read, nothing but rows and counts can change from one
revision to the next, as long as what the answer's key depends on beside them stays the same: the
declarations, the caller's standing, the tenant with its settings, address, parameters and
language. So the same statements with the same values, sent again, give what the view would
(`Recipe`). The ids in the path are values that differ between rows of one resource.
"""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet

from noren_kit.api.answer_keys import Seed, parted, with_version
from noren_kit.api.envelope import dumps
from noren_kit.api.heads import ids_in
from noren_kit.api.pages import Address, CursorPage, NumberedPage, Page
from noren_kit.api.reading import (
    Counted,
    Plan,
    ReadRow,
    Representation,
    Statement,
    count_statement,
    fetch_count,
    ids_statement,
    plan_for,
    read_compiled,
    read_rows,
    shaped,
    shaped_by_id,
    statement_of,
)
from noren_kit.api.splicing import Parts, filled
from noren_kit.core import context
from noren_kit.db.prepared import Question
from noren_kit.tenancy.replica import fetch_at

_MOST_RECIPES = 1024
Body = dict[str, Any]


@dataclass(slots=True)
class Draft:
    """What a view notes while it answers; `noted` are the statements that it has accounted for."""

    shown: Representation | None = None
    parent: Statement | None = None
    count: Statement | str | None = None
    rows: Statement | None = None
    page: Page | None = None
    address: Address | None = None
    noted: int = 0

    def note_parent(self, queryset: QuerySet[Any]) -> None:
        """A row of this queryset must be there, and has been looked for."""
        text, values = queryset.values_list("pk").query.sql_with_params()
        self.parent, self.noted = Statement(text, values), self.noted + 1

    def note_page(self, page: Page, address: Address) -> None:
        self.page, self.address = page, address

    def read_count(self, queryset: QuerySet[Any], end: int, kept_by: str | None) -> Counted:
        """How many rows there are, as the revision of `kept_by` says where somebody keeps that."""
        if kept_by is not None:
            self.count = kept_by
            return Counted(context.revisions()[kept_by].live)
        try:
            self.count = count_statement(queryset, end)
        except EmptyResultSet:
            return Counted(0)
        self.noted += 1
        return fetch_count(self.count)

    def read_rows(
        self, queryset: QuerySet[Any], representation: Representation, terms: Sequence[str] = ()
    ) -> list[ReadRow]:
        """As the function of this name."""
        plan = plan_for(representation)
        if plan is None or self.rows is not None:
            return read_rows(queryset, representation, terms)
        try:
            self.rows = statement_of(plan, queryset, terms)
        except EmptyResultSet:
            return []
        self.shown, self.noted = representation, self.noted + 1
        return read_compiled(plan, self.rows)


@dataclass(frozen=True, slots=True)
class _Bound:
    """A statement and the places of its values that are ids of the path: (place, which id)."""

    statement: Statement
    places: tuple[tuple[int, int], ...]
    planned_anew: bool = False

    def question(self, ids: Sequence[uuid.UUID]) -> Question:
        values = list(self.statement.values)
        for place, which in self.places:
            values[place] = ids[which]
        return Question(self.statement.text, values, self.planned_anew)


def _bind(statement: Statement, ids: Sequence[str], *, planned_anew: bool = False) -> _Bound | None:
    """None where an id stands as part of something else than a value of its own."""
    places = []
    held = repr(statement.values)
    for which, text in enumerate(ids):
        found = [
            at
            for at, value in enumerate(statement.values)
            if isinstance(value, uuid.UUID) and str(value) == text
        ]
        if held.count(text) != len(found) or text in statement.text:
            return None
        places += [(at, which) for at in found]
    return _Bound(statement, tuple(places), planned_anew)


@dataclass(frozen=True, slots=True)
class Recipe:
    """An answer's statements, and what is made of their rows.

    `collections` are those that it reads; `count` is a statement, or the one of them whose
    revision counts; `lasting` and `parts` are those of an answer that others' frequent changes
    are put into (`noren_kit.api.splicing`).
    """

    plan: Plan
    collections: tuple[str, ...]
    rows: _Bound
    count: _Bound | str | None
    parent: _Bound | None
    page: Page | None
    address: Address | None
    lasting: Seed | None
    parts: Parts | None

    def made(self, ids: Sequence[str], kept: bytes | None) -> bytes | None:
        """What is to be kept for these ids of the path; None where it does not answer with 200.

        `kept` is what was, and its lasting part holds. The tenant must be entered, outside of any
        transaction. Raises Django's database errors.
        """
        version, body = (None, b"") if kept is None else parted(kept)
        found = self._filled(orjson.loads(body)) if body else None
        if found is None:
            version, found = self._read(ids)
        return None if found is None else with_version(version, dumps(found))

    def _filled(self, kept: Body) -> Body | None:
        parts = self.parts
        plan = plan_for(parts.moving) if parts else None
        if parts is None or plan is None:
            return None
        body = {"results": [kept]} if self.page is None else kept
        wanted = [row["id"] for row in body["results"]]
        if not wanted:
            return None
        statement = ids_statement(plan, wanted)
        (rows,) = self._fetch([statement.question()])
        whole = filled(body, parts, shaped_by_id(plan, rows))
        return whole["results"][0] if whole and self.page is None else whole

    def _read(self, ids: Sequence[str]) -> tuple[int | None, Body | None]:
        """The body, and the version of the row that a detail shows."""
        page, count = self.page, self._kept_count()
        if isinstance(page, NumberedPage) and count is not None and not page.reaches(count):
            return None, None
        values = [uuid.UUID(each) for each in ids]
        asked = [each for each in (self.parent, self.count, self.rows) if isinstance(each, _Bound)]
        questions = [each.question(values) for each in asked]
        found = iter(self._fetch(questions))
        if self.parent is not None and not next(found):
            return None, None
        if isinstance(self.count, _Bound):
            count = Counted(*next(found)[0])
        rows = shaped(self.plan, self.rows.statement, next(found))
        if page is None or self.address is None:
            return _detail(rows[0]) if rows else (None, None)
        if isinstance(page, CursorPage):
            return None, page.body(self.address.of(ids), rows, None)
        if count is None or not page.reaches(count):
            return None, None
        return None, page.body(self.address.of(ids), rows if count.number else [], count)

    def _fetch(self, questions: Sequence[Question]) -> list[list[tuple[Any, ...]]]:
        return fetch_at(context.revisions(), self.collections, context.tenant_id(), questions)

    def _kept_count(self) -> Counted | None:
        if not isinstance(self.count, str):
            return None
        return Counted(context.revisions()[self.count].live)


def _detail(row: ReadRow) -> tuple[int | None, Body]:
    """Its version stands where a list's rows have their places."""
    return row.place[0] if row.place else None, row.shown


def recipe_of(
    draft: Draft, seed: Seed, path: str, lasting: Seed | None, parts: Parts | None
) -> Recipe | None:
    """What a view has noted as a recipe for all that is like `path` but for its ids, or None.

    `seed` is the answer's.
    """
    plan = None if draft.shown is None else plan_for(draft.shown)
    ids, actor = ids_in(path), context.actor()
    if draft.rows is None or plan is None or actor is None or len(set(ids)) != len(ids):
        return None
    bound = _all_bound(draft, draft.rows, ids)
    if bound is None or _is_ambiguous(draft, ids, actor.user_id):
        return None
    rows, parent, count = bound
    collections = seed.collections
    return Recipe(plan, collections, rows, count, parent, draft.page, draft.address, lasting, parts)


def _is_ambiguous(draft: Draft, ids: Sequence[str], user_id: uuid.UUID) -> bool:
    """Whether something hangs on the path's ids that is not a statement's value."""
    if {str(context.tenant_id()), str(user_id)} & set(ids):
        return True  # A value could stand for either.
    if ids and isinstance(draft.page, CursorPage) and draft.page.position is not None:
        return True  # Elsewhere its cursor is refused.
    if draft.address is None:
        return False
    stated = " ".join(value for _name, value in draft.address.parameters)
    # An id that a parameter names too stays as it is there.
    return ids_in(draft.address.base) != tuple(ids) or any(each in stated for each in ids)


def _all_bound(
    draft: Draft, read: Statement, ids: Sequence[str]
) -> tuple[_Bound, _Bound | None, _Bound | str | None] | None:
    """What reads the rows, the parent and the count."""
    rows, parent = _bind(read, ids), None
    count: _Bound | str | None = None
    if rows is None or {which for _place, which in rows.places} != set(range(len(ids))):
        return None
    if draft.parent is not None:
        parent = _bind(draft.parent, ids)
        if parent is None or not parent.places:
            return None
    if isinstance(draft.count, Statement):
        count = _bind(draft.count, ids, planned_anew=True)
        if count is None:
            return None
    else:
        count = draft.count
    return rows, parent, count


class Recipes:
    """Those of a process, by whatever they depend on; the least recently used make room.

    None stands for an answer that has no recipe.
    """

    def __init__(self, most: int = _MOST_RECIPES) -> None:
        self._most, self._lock = most, threading.Lock()
        self._known: OrderedDict[Hashable, Recipe | None] = OrderedDict()

    def find(self, key: Hashable) -> tuple[bool, Recipe | None]:
        """Whether it is known what there is, and that."""
        with self._lock:
            if key not in self._known:
                return False, None
            self._known.move_to_end(key)
            return True, self._known[key]

    def keep(self, key: Hashable, recipe: Recipe | None) -> None:
        with self._lock:
            self._known[key] = recipe
            self._known.move_to_end(key)
            while len(self._known) > self._most:
                self._known.popitem(last=False)

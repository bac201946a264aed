"""Rules about single rows, kept as constraints of querysets.

Lists, details, bulk writes and exports start from the same constrained queryset, so they can't
disagree; and what was written is looked for in it again, inside the transaction. A rule that
does not bind the caller gives None and costs no statement. Programs (no actor) are not bound.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q, QuerySet

from noren_kit.accounts.rights import may, own, right_for
from noren_kit.core import context
from noren_kit.core.errors import AppError, Forbidden


class RowRule:
    """Which rows the caller may read, and which write; `error` refuses the difference.

    `right` is what the present action asks for (`orders.change_order`). A rule that overrides
    `readable` names in `reads` what it looks at: cached answers hold until that changes.
    """

    error: ClassVar[type[AppError]] = Forbidden
    #: The look-up paths, from the rows, that decide who may read them.
    reads: tuple[str, ...] = ()

    def least(self, right: str, model: type[models.Model]) -> str:
        """The narrowest right that opens an action over rows of `model`."""
        return right

    def readable(self, queryset: QuerySet[Any], right: str | None) -> QuerySet[Any] | None:
        """`queryset` without what the caller may not read, None where nothing is left out.

        `right` is None where rows are looked up for something else, as an id in a body is.
        """
        return None

    def writable(self, queryset: QuerySet[Any], right: str) -> QuerySet[Any] | None:
        """`queryset` without what the caller may not write, None where nothing is left out."""
        return None


class OwnRows(RowRule):
    """Rows of one's own, for those who hold a right's `_own_` form and not the right itself.

    `path` leads from the row to a person: `OwnRows("customer__user")`. Rows that the caller
    made count as theirs for all but adding, where they would all be.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.reads = (path, "created_by")

    def least(self, right: str, model: type[models.Model]) -> str:
        meta = model._meta
        concerns = right.startswith(f"{meta.app_label}.") and right.endswith(f"_{meta.model_name}")
        return own(right) if concerns else right

    def readable(self, queryset: QuerySet[Any], right: str | None) -> QuerySet[Any] | None:
        view = _right(queryset, "view")
        if may(view):
            return None
        if not may(own(view)) and (right is None or may(right)):
            return None  # May act without seeing: then on all rows that the action may have.
        return queryset.filter(self._own())

    def writable(self, queryset: QuerySet[Any], right: str) -> QuerySet[Any] | None:
        if may(right):
            return None
        if right == _right(queryset, "add"):
            return queryset.filter(**{self.path: context.actor_id()})
        return queryset.filter(self._own())

    def _own(self) -> Q:
        actor = context.actor_id()
        return Q(**{self.path: actor}) | Q(created_by=actor)


def _right(queryset: QuerySet[Any], verb: str) -> str:
    meta = queryset.model._meta
    return right_for(meta.app_label, verb, str(meta.model_name))


def readable(
    rules: Iterable[RowRule], queryset: QuerySet[Any], right: str | None = None
) -> QuerySet[Any]:
    """`queryset` as far as the caller may read it; `queryset` itself where that is all of it."""
    if context.actor() is not None:
        for rule in rules:
            narrower = rule.readable(queryset, right)
            queryset = queryset if narrower is None else narrower
    return queryset


def reads_all(
    rules: Iterable[RowRule], model: type[models.Model], right: str | None = None
) -> bool:
    """Whether no rule keeps rows of `model` from the caller."""
    rows: QuerySet[Any] = QuerySet(model)
    return readable(rules, rows, right) is rows


def writes_all(rules: Iterable[RowRule], model: type[models.Model], right: str) -> bool:
    """Whether no rule refuses the caller rows of `model`."""
    rows: QuerySet[Any] = QuerySet(model)
    return context.actor() is None or all(rule.writable(rows, right) is None for rule in rules)


def refused_rows(
    rules: Iterable[RowRule], queryset: QuerySet[Any], right: str, ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, AppError]:
    """Why the caller may not write some of these rows of `queryset`, by id.

    One statement for each rule that binds the caller, however many rows there are.
    """
    refused: dict[uuid.UUID, AppError] = {}
    if context.actor() is None or not ids:
        return refused
    for rule in rules:
        rows = rule.writable(queryset, right)
        if rows is None:
            continue
        writable = set(rows.order_by().filter(pk__in=ids).values_list("pk", flat=True))
        for pk in ids:
            if pk not in writable:
                refused.setdefault(pk, rule.error())
    return refused


def refusal(
    rules: Iterable[RowRule], queryset: QuerySet[Any], right: str, ids: Collection[uuid.UUID]
) -> AppError | None:
    """Why the caller may not write all these rows of `queryset`, None where they may."""
    return next(iter(refused_rows(rules, queryset, right, ids).values()), None)

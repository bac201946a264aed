"""What a viewset does so that its row rules hold for every action, also those yet to be written."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import Http404
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from noren_kit.accounts.permissions import right_of
from noren_kit.accounts.row_rules import RowRule, readable, reads_all, refusal, writes_all
from noren_kit.api.retries import Replay, shown_ids

# These read their row by `get_queryset` and nothing else.
_READERS = ("list", "retrieve")


class RuledRows:
    """Constrains the rows of a viewset by its `row_rules`.

    What the caller may not read is 404; what may be read and not written is the rule's 403.
    Every action on one row is checked before it starts, whether or not it reads the row by the
    viewset; a row that was written is checked again by `check_written`, and an error there
    rolls the request back. Callers whom no rule binds cost no statement.
    """

    row_rules: ClassVar[list[RowRule]] = []

    def right(self) -> str:
        """The right that the present action asks for, empty where none is mapped."""
        return right_of(self, getattr(self, "action", None) or "") or ""

    def constrained(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """`queryset` as far as the caller may read it."""
        return readable(self.row_rules, queryset, self.right())

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        action = getattr(self, "action", None)
        if self.row_rules and action and action not in _READERS and "pk" in kwargs:
            self.check_row(self.path_id())  # type: ignore[attr-defined]

    def check_row(self, pk: uuid.UUID) -> None:
        """Raises `Http404`, or a rule's error for a row that may be read but not written."""
        rows: QuerySet[Any] = self.get_queryset()  # type: ignore[attr-defined]
        right, refused = self.right(), None
        if self.request.method not in SAFE_METHODS:  # type: ignore[attr-defined]
            refused = refusal(self.row_rules, rows, right, [pk])
        bound = refused or not reads_all(self.row_rules, rows.model, right)
        if bound and not rows.filter(pk=pk).exists():
            raise Http404
        if refused:
            raise refused

    def check_replayed(self, replay: Replay) -> None:
        """The rows that are shown again must still be the caller's to write."""
        super().check_replayed(replay)  # type: ignore[misc]
        if self.row_rules:
            self.check_written(*shown_ids(replay.response))

    def check_written(self, *pks: uuid.UUID) -> None:
        """Raises a rule's error unless the caller may write the rows as they now are."""
        model: Any = self.resource_model()  # type: ignore[attr-defined]
        right = self.right()
        if writes_all(self.row_rules, model, right):
            return
        refused = refusal(self.row_rules, model._base_manager.all(), right, pks)
        if refused:
            raise refused

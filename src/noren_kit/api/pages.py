"""The bodies of lists: of a numbered page and of a cursor's.

Apart from how they are asked for and read, because a body is made again without either of them
when its rows have changed (`noren_kit.api.recipes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet

from noren_kit.api.heads import with_ids
from noren_kit.api.keyset import CursorTokens, Position, beyond, place_of, reversed_term
from noren_kit.api.reading import Counted, ReadRow
from noren_kit.search.choosing import page_of

Body = dict[str, Any]
COUNT_IS_MINIMUM = "count_is_minimum"
"""Of `page_info`, where there are more rows than `count`."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a list was asked for: `base` is absolute, `path` is what cursors are bound to."""

    base: str
    path: str
    parameters: tuple[tuple[str, str], ...]

    def of(self, ids: Sequence[str]) -> Address:
        """The same address of the list below rows with these ids."""
        return Address(with_ids(self.base, ids), with_ids(self.path, ids), self.parameters)

    def beside(self, name: str, value: Any) -> str:
        """The address of another page: its parameters stand in the order of their names."""
        query = {**dict(self.parameters), name: str(value)}
        return f"{self.base}?{urlencode(sorted(query.items()))}"


@dataclass(frozen=True, slots=True)
class NumberedPage:
    """Page `number`, from 1, of at most `size` rows."""

    number: int
    size: int

    @property
    def terms(self) -> tuple[str, ...]:
        """Of the order, those whose values are needed."""
        return ()

    @property
    def end(self) -> int:
        """Rows up to the end of the page."""
        return self.number * self.size

    def reaches(self, count: Counted) -> bool:
        """Whether there is such a page of so many rows; the first always is."""
        return self.number == 1 or count.number > (self.number - 1) * self.size

    def narrowed(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return page_of(queryset, self.end)[self.end - self.size : self.end]

    def body(self, at: Address, rows: Sequence[ReadRow], count: Counted | None) -> Body:
        if count is None:
            raise TypeError("Numbered pages are pages of so many.")
        total_pages = max(1, -(-count.number // self.size))
        has_next, has_previous = self.number < total_pages, self.number > 1
        return {
            "count": count.number - count.more,
            "next": at.beside("page", self.number + 1) if has_next else None,
            "previous": at.beside("page", self.number - 1) if has_previous else None,
            "page_info": {
                "current_page": self.number,
                "total_pages": total_pages,
                "page_size": self.size,
                "has_next": has_next,
                "has_previous": has_previous,
                **({COUNT_IS_MINIMUM: True} if count.more else {}),
            },
            "results": [row.shown for row in rows],
        }


@dataclass(frozen=True, slots=True)
class CursorPage:
    """At most `size` rows beside `position`, which `token` stands for, or the first ones."""

    size: int
    ordering: tuple[str, ...]
    filters: tuple[tuple[str, str], ...]
    token: str = ""
    position: Position | None = None

    @property
    def terms(self) -> tuple[str, ...]:
        return self.ordering

    @property
    def _backwards(self) -> bool:
        return bool(self.position and self.position.backwards)

    def narrowed(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """One row more than the page holds, from the position on."""
        ordering = self.ordering
        if self._backwards:
            ordering = tuple(map(reversed_term, ordering))
            queryset = queryset.order_by(*ordering)
        if not self.position:
            return page_of(queryset, self.size + 1)[: self.size + 1]
        place, inclusive = self.position.place, self.position.inclusive
        behind = beyond(queryset, ordering, place, inclusive=inclusive)

        def last_behind(rows: QuerySet[Any]) -> Q:
            return beyond(rows, ordering[1:], place[1:], inclusive=True)

        few = page_of(queryset, self.size + 2, place, backwards=self._backwards, beyond=last_behind)
        return few.filter(behind)[: self.size + 1]

    def body(self, at: Address, rows: Sequence[ReadRow], count: Counted | None) -> Body:
        more, rows = len(rows) > self.size, [*rows[: self.size]]
        backwards = self._backwards
        if backwards:
            rows.reverse()
        has_next = backwards or more
        has_previous = more if backwards else self.position is not None
        return {
            "next": self._beside(at, rows[-1:], backwards=False) if has_next else None,
            "previous": self._beside(at, rows[:1], backwards=True) if has_previous else None,
            "cursor_info": {
                "current_cursor": self.token or None,
                "page_size": self.size,
                "ordering": list(self.ordering),
            },
            "results": [row.shown for row in rows],
        }

    def _beside(self, at: Address, rows: Sequence[ReadRow], *, backwards: bool) -> str:
        """The link to what is beside this row, or beside the position where no row was left."""
        if rows:
            beside = Position(place_of(rows[0].place, self.ordering), backwards)
        else:
            assert self.position is not None  # noqa: S101  a first page links nowhere if empty
            beside = Position(self.position.place, backwards, inclusive=True)
        tokens = CursorTokens(at.path, self.filters, self.ordering)
        return at.beside("cursor", tokens.write(beside))


Page = NumberedPage | CursorPage

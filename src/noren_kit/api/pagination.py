"""Both kinds of pages on every list: numbered ones, and cursors that survive writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import NotFound
from rest_framework.pagination import BasePagination
from rest_framework.request import Request

from noren_kit.api.keyset import CursorTokens, Position, beyond, place_of, reversed_term
from noren_kit.api.parameters import whole_number
from noren_kit.api.reading import ReadRow
from noren_kit.core.conf import conf
from noren_kit.core.errors import InvalidInput

# Parameters that neither filter nor order, so that a cursor may go on without them.
_FREE = ("cursor", "page_size", "fields", "omit", "expand")


class Reader(Protocol):
    """Shows the rows of a queryset, with their places by an order's terms."""

    def __call__(self, queryset: QuerySet[Any], *, terms: Sequence[str]) -> list[ReadRow]:
        """Read them, in the queryset's order."""


class ResourcePagination(BasePagination):
    """`?page=` and `?page_size=`, or `?cursor=` for keyset pages without a count."""

    parameters = ("page", "page_size", "cursor")

    def page(
        self,
        queryset: QuerySet[Any],
        request: Request,
        read: Reader,
        kept_count: int | None = None,
    ) -> dict[str, Any]:
        """The body that answers a list of `queryset`, whose rows `read` shows.

        `kept_count` is the number of its rows where somebody keeps it; else they are counted.
        """
        self.request, self.read = request, read
        self.page_size = whole_number(request, "page_size", conf.PAGE_SIZE, conf.MAX_PAGE_SIZE)
        if "cursor" not in request.query_params:
            return self._numbered_page(queryset, kept_count)
        if "page" in request.query_params:
            raise InvalidInput.field("page", "conflict", _("Give a page or a cursor."))
        return self._cursor_page(queryset)

    # Numbered pages

    def _numbered_page(self, queryset: QuerySet[Any], kept_count: int | None) -> dict[str, Any]:
        reach = conf.MAX_PAGE_OFFSET // self.page_size
        try:
            number = whole_number(self.request, "page", 1, reach)
        except InvalidInput:
            message = _("Give a page from 1 to %(reach)s; go on with ?cursor= past that.")
            raise InvalidInput.field("page", "out_of_range", message % {"reach": reach}) from None
        count = queryset.order_by().count() if kept_count is None else kept_count
        total_pages = max(1, -(-count // self.page_size))
        if number > total_pages:
            raise NotFound
        start = (number - 1) * self.page_size
        rows = self.read(queryset[start : start + self.page_size], terms=()) if count else []
        has_next, has_previous = number < total_pages, number > 1
        return {
            "count": count,
            "next": self._link("page", number + 1) if has_next else None,
            "previous": self._link("page", number - 1) if has_previous else None,
            "page_info": {
                "current_page": number,
                "total_pages": total_pages,
                "page_size": self.page_size,
                "has_next": has_next,
                "has_previous": has_previous,
            },
            "results": [row.shown for row in rows],
        }

    # Cursor pages

    def _cursor_page(self, queryset: QuerySet[Any]) -> dict[str, Any]:
        self.ordering = [str(term) for term in queryset.query.order_by]
        token = self.request.query_params["cursor"]
        position = self._tokens().read(token) if token else None
        backwards = bool(position and position.backwards)
        if backwards:
            queryset = queryset.order_by(*(reversed_term(term) for term in self.ordering))
        if position:
            ordering = [str(term) for term in queryset.query.order_by]
            after = beyond(queryset, ordering, position.place, inclusive=position.inclusive)
            queryset = queryset.filter(after)
        rows = self.read(queryset[: self.page_size + 1], terms=self.ordering)
        more, rows = len(rows) > self.page_size, rows[: self.page_size]
        if backwards:
            rows.reverse()
        has_next, has_previous = backwards or more, more if backwards else position is not None
        return {
            "next": self._beside(rows[-1:], position, backwards=False) if has_next else None,
            "previous": self._beside(rows[:1], position, backwards=True) if has_previous else None,
            "cursor_info": {
                "current_cursor": token or None,
                "page_size": self.page_size,
                "ordering": self.ordering,
            },
            "results": [row.shown for row in rows],
        }

    def _tokens(self) -> CursorTokens:
        query = self.request.query_params
        filters = [(name, query[name]) for name in query if name not in _FREE]
        return CursorTokens(self.request.path, filters, self.ordering)

    def _beside(self, rows: list[ReadRow], position: Position | None, *, backwards: bool) -> str:
        """The link to what is beside this row, or beside `position` where no row was left."""
        if rows:
            beside = Position(place_of(rows[0].place, self.ordering), backwards)
        else:
            assert position is not None  # noqa: S101  a first page links nowhere if empty
            beside = Position(position.place, backwards, inclusive=True)
        return self._link("cursor", self._tokens().write(beside))

    def _link(self, name: str, value: Any) -> str:
        """The address of another page: its parameters stand in the order of their names."""
        query = {each: self.request.query_params[each] for each in self.request.query_params}
        query[name] = str(value)
        base = self.request._request.build_absolute_uri(self.request.path)
        return f"{base}?{urlencode(sorted(query.items()))}"

    # OpenAPI

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        page_size = {"type": "integer", "minimum": 1, "maximum": conf.MAX_PAGE_SIZE}
        reach = conf.MAX_PAGE_OFFSET // conf.MAX_PAGE_SIZE
        return [
            _parameter(
                "page",
                "Number of the page, from 1.",
                {"type": "integer", "minimum": 1, "maximum": reach},
            ),
            _parameter("page_size", "Rows of a page.", {**page_size, "default": conf.PAGE_SIZE}),
            _parameter(
                "cursor",
                "Empty to start; then the token of `next` or `previous`.",
                {"type": "string"},
            ),
        ]

    def get_paginated_response_schema(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """Both kinds of pages of `schema`, which is an array already."""
        link = {"type": ["string", "null"], "format": "uri"}
        links = {"next": link, "previous": link}
        numbered = {
            "count": {"type": "integer", "minimum": 0},
            **links,
            "page_info": {"$ref": "#/components/schemas/PageInfo"},
            "results": dict(schema),
        }
        cursor_info = {"$ref": "#/components/schemas/CursorInfo"}
        by_cursor = {**links, "cursor_info": cursor_info, "results": dict(schema)}
        return {"anyOf": [_object(numbered), _object(by_cursor)]}


def _parameter(name: str, description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": dict(schema)}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }

"""Both kinds of pages on every list: numbered ones, and cursors that survive writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import NotFound
from rest_framework.pagination import BasePagination
from rest_framework.request import Request

from noren_kit.api.keyset import CursorTokens
from noren_kit.api.pages import Address, Body, CursorPage, NumberedPage, Page
from noren_kit.api.parameters import whole_number
from noren_kit.api.reading import Counted, ReadRow, count_rows
from noren_kit.core.conf import conf
from noren_kit.core.errors import InvalidInput

# Parameters that neither filter nor order, so that a cursor may go on without them.
_FREE = ("cursor", "page_size", "fields", "omit", "expand")


class Reader(Protocol):
    """Shows the rows of a queryset, with their places by an order's terms."""

    def __call__(self, queryset: QuerySet[Any], *, terms: Sequence[str]) -> list[ReadRow]:
        """Read them, in the queryset's order."""


# How many rows a queryset has, as far as the number that a page ends with at least.
Count = Callable[[QuerySet[Any], int], Counted]


class ResourcePagination(BasePagination):
    """`?page=` and `?page_size=`, or `?cursor=` for keyset pages without a count."""

    parameters = ("page", "page_size", "cursor")

    def page(
        self,
        queryset: QuerySet[Any],
        request: Request,
        read: Reader,
        count: Count = count_rows,
        note: Callable[[Page, Address], None] | None = None,
    ) -> Body:
        """The body that answers a list of `queryset`, whose rows `read` shows.

        `note` is told how it is made, of rows and `count`.
        """
        at, page = address_of(request), self.page_asked(request, queryset)
        if note is not None:
            note(page, at)
        if isinstance(page, CursorPage):
            return page.body(at, read(page.narrowed(queryset), terms=page.terms), None)
        number = count(queryset, page.end)
        if not page.reaches(number):
            raise NotFound
        rows = read(page.narrowed(queryset), terms=()) if number.number else []
        return page.body(at, rows, number)

    def page_asked(self, request: Request, queryset: QuerySet[Any]) -> Page:
        """The page that the parameters ask for; raises `InvalidInput`."""
        query = request.query_params
        size = whole_number(request, "page_size", conf.PAGE_SIZE, conf.MAX_PAGE_SIZE)
        if "cursor" not in query:
            return NumberedPage(_page_number(request, size), size)
        if "page" in query:
            raise InvalidInput.field("page", "conflict", _("Give a page or a cursor."))
        ordering = tuple(str(term) for term in queryset.query.order_by)
        filters = tuple((name, query[name]) for name in query if name not in _FREE)
        token, position = query["cursor"], None
        if token:
            position = CursorTokens(request.path, filters, ordering).read(token)
        return CursorPage(size, ordering, filters, token, position)

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


def address_of(request: Request) -> Address:
    """Where a request was sent to."""
    asked, query = request._request, request.query_params
    base = asked.build_absolute_uri(request.path)
    return Address(base, request.path, tuple((name, query[name]) for name in query))


def _page_number(request: Request, size: int) -> int:
    reach = conf.MAX_PAGE_OFFSET // size
    try:
        return whole_number(request, "page", 1, reach)
    except InvalidInput:
        message = _("Give a page from 1 to %(reach)s; go on with ?cursor= past that.")
        raise InvalidInput.field("page", "out_of_range", message % {"reach": reach}) from None


def _parameter(name: str, description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": dict(schema)}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }

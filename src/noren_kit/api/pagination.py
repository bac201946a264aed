"""Both kinds of pages on every list: numbered ones, and cursors that survive writes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, Signer
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import NotFound
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from noren_kit.api.parameters import whole_number
from noren_kit.core import context
from noren_kit.core.conf import conf
from noren_kit.core.errors import InvalidInput

# Parameters that neither filter nor order, so that a cursor may go on without them.
_FREE = ("cursor", "page_size", "fields", "omit")


@dataclass(frozen=True, slots=True)
class Position:
    """Where a cursor stands: the ordering's values of the row it is next to."""

    values: tuple[str, ...]
    backwards: bool = False


class ResourcePagination(BasePagination):
    """`?page=` and `?page_size=`, or `?cursor=` for keyset pages without a count."""

    parameters = ("page", "page_size", "cursor")

    def paginate_queryset(  # type: ignore[override]
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any]:
        self.request = request
        self.page_size = whole_number(request, "page_size", conf.PAGE_SIZE, conf.MAX_PAGE_SIZE)
        self.by_cursor = "cursor" in request.query_params
        if self.by_cursor:
            if "page" in request.query_params:
                raise InvalidInput.field("page", "conflict", _("Give a page or a cursor."))
            return self._cursor_page(queryset, request)
        return self._numbered_page(queryset, request)

    def get_paginated_response(self, data: Any) -> Response:
        return Response(self._cursor_body(data) if self.by_cursor else self._numbered_body(data))

    # Numbered pages

    def _numbered_page(self, queryset: QuerySet[Any], request: Request) -> list[Any]:
        reach = conf.MAX_PAGE_OFFSET // self.page_size
        try:
            self.number = whole_number(request, "page", 1, reach)
        except InvalidInput:
            message = _("Give a page from 1 to %(reach)s; go on with ?cursor= past that.")
            raise InvalidInput.field("page", "out_of_range", message % {"reach": reach}) from None
        self.count = queryset.order_by().count()
        self.total_pages = max(1, -(-self.count // self.page_size))
        if self.number > self.total_pages:
            raise NotFound
        start = (self.number - 1) * self.page_size
        return list(queryset[start : start + self.page_size])

    def _numbered_body(self, data: Any) -> dict[str, Any]:
        has_next, has_previous = self.number < self.total_pages, self.number > 1
        return {
            "count": self.count,
            "next": self._link("page", self.number + 1) if has_next else None,
            "previous": self._link("page", self.number - 1) if has_previous else None,
            "page_info": {
                "current_page": self.number,
                "total_pages": self.total_pages,
                "page_size": self.page_size,
                "has_next": has_next,
                "has_previous": has_previous,
            },
            "results": data,
        }

    # Cursor pages

    def _cursor_page(self, queryset: QuerySet[Any], request: Request) -> list[Any]:
        self.ordering = [str(term) for term in queryset.query.order_by]
        self.token = request.query_params["cursor"]
        position = self._read(self.token) if self.token else None
        backwards = bool(position and position.backwards)
        if backwards:
            queryset = queryset.order_by(*(_reversed(term) for term in self.ordering))
        if position:
            ordering = [str(term) for term in queryset.query.order_by]
            queryset = queryset.filter(_beyond(queryset, ordering, position.values))
        rows = list(queryset[: self.page_size + 1])
        more, rows = len(rows) > self.page_size, rows[: self.page_size]
        if backwards:
            rows.reverse()
        self.has_next = backwards or more
        self.has_previous = more if backwards else position is not None
        self.first: Any = rows[0] if rows else None
        self.last: Any = rows[-1] if rows else None
        return rows

    def _cursor_body(self, data: Any) -> dict[str, Any]:
        following = self._token(self.last, backwards=False) if self.has_next else None
        preceding = self._token(self.first, backwards=True) if self.has_previous else None
        return {
            "next": self._link("cursor", following) if following else None,
            "previous": self._link("cursor", preceding) if preceding else None,
            "cursor_info": {
                "current_cursor": self.token or None,
                "page_size": self.page_size,
                "ordering": self.ordering,
            },
            "results": data,
        }

    def _signer(self) -> Signer:
        """Bound to the tenant, the list and its filters: elsewhere the token is refused.

        Lists of the platform are read inside a tenant or outside of any.
        """
        query = self.request.query_params
        filters = sorted((name, query[name]) for name in query if name not in _FREE)
        entered = context.tenant_or_none()
        return Signer(salt=f"cursor:{entered and entered.id}:{self.request.path}:{filters}")

    def _token(self, row: Any, *, backwards: bool) -> str | None:
        if row is None:
            return None
        values = [_as_text(getattr(row, _attribute(row, term))) for term in self.ordering]
        return self._signer().sign_object([values, backwards], compress=False)

    def _read(self, token: str) -> Position:
        try:
            values, backwards = self._signer().unsign_object(token)
        except (BadSignature, ValueError) as error:
            raise InvalidInput.field(
                "cursor", "invalid", _("This cursor does not belong to this list.")
            ) from error
        if len(values) != len(self.ordering):  # Made before the list's ordering was changed.
            raise InvalidInput.field("cursor", "invalid", _("This cursor is damaged."))
        return Position(tuple(values), backwards)

    def _link(self, name: str, value: Any) -> str:
        url = self.request.build_absolute_uri()
        url = remove_query_param(url, "page" if name == "cursor" else "cursor")
        return str(replace_query_param(url, name, value))

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


def _reversed(term: str) -> str:
    return term.removeprefix("-") if term.startswith("-") else f"-{term}"


def _attribute(row: Any, term: str) -> str:
    name = term.removeprefix("-")
    return name if name in ("pk", "relevance") else str(row._meta.get_field(name).attname)


def _as_text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _typed(queryset: QuerySet[Any], name: str, text: str) -> Any:
    annotation = queryset.query.annotations.get(name)
    field = annotation.output_field if annotation else queryset.model._meta.get_field(name)
    try:
        return field.to_python(text)
    except (ValidationError, ArithmeticError) as error:
        raise InvalidInput.field("cursor", "invalid", _("This cursor is damaged.")) from error


def _beyond(queryset: QuerySet[Any], ordering: list[str], values: tuple[str, ...]) -> Q:
    """Rows after `values` in `ordering`, with a bound on the first column for its index."""
    after = Q()
    equal: dict[str, Any] = {}
    for term, text in zip(ordering, values, strict=True):
        name = term.removeprefix("-")
        value = uuid.UUID(text) if name == "id" else _typed(queryset, name, text)
        comparison = "lt" if term.startswith("-") else "gt"
        after |= Q(**equal, **{f"{name}__{comparison}": value})
        if not equal:
            bound = Q(**{f"{name}__{comparison}e": value})
        equal[name] = value
    return bound & after

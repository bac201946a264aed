"""The reading half of a viewset: lists and details, shown as the request asks."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from noren_kit.accounts.rights import may, right_for
from noren_kit.accounts.row_rules import reads_all
from noren_kit.api.pagination import Reader, ResourcePagination
from noren_kit.api.parameters import AS_OF, names
from noren_kit.api.reading import Counted, Representation, count_rows, read_rows
from noren_kit.api.registry import rules_of
from noren_kit.api.searching import highlights, read_highlighted
from noren_kit.api.versions import has_versions
from noren_kit.core import context
from noren_kit.core.errors import Forbidden
from noren_kit.db.revisions import live_collection

SPARSE = ("fields", "omit", "expand")
_NO_FILTERS = frozenset({*ResourcePagination.parameters, *SPARSE, "ordering"})


def _may_see_all(model: Any) -> bool:
    """Whether the caller may view every row of a model."""
    meta = model._meta
    whole = reads_all(rules_of(model), model)
    return whole and may(right_for(meta.app_label, "view", meta.model_name))


class ShownRows:
    """`list` and `retrieve` of a viewset, and which rows it has."""

    # Notes how the answer is made (`noren_kit.api.recipes`), where somebody wants to know.
    draft: Any = None

    def get_queryset(self: Any) -> QuerySet[Any]:
        """The rows that the present action works on, as far as the caller may read them."""
        model = self.resource_model()
        if context.tenant_or_none() is None:
            return QuerySet(model).none()  # The schema is made without a tenant.
        rows: QuerySet[Any] = self.constrained(self.below_parent(self.rows_at_hand()))
        return rows

    def representation(self: Any, parameters: Mapping[str, str]) -> Representation:
        """What these parameters ask to be shown: the action's serializer, and what of it.

        Raises `Forbidden` for an expanded relation to what the caller may not see all of.
        """
        shown = self.get_serializer_class()
        chosen = ((each, tuple(sorted(set(names(parameters, each))))) for each in sorted(SPARSE))
        choices = tuple((each, value) for each, value in chosen if value)
        for path in dict(choices).get("expand", ()):
            target = shown.expand_paths().get(path)
            if target is not None and not _may_see_all(target.Meta.model):
                raise Forbidden
        return Representation(shown, choices)

    def list(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        draft = self.draft

        def page(read: Reader) -> dict[str, Any]:
            rows = self.get_queryset()
            filtered, kept_by = self.filter_queryset(rows), self._counting_collection(rows)

            def count(queryset: QuerySet[Any], end: int) -> Counted:
                if draft is not None:
                    number: Counted = draft.read_count(queryset, end, kept_by)
                    return number
                if kept_by:
                    return Counted(context.revisions()[kept_by].live)
                return count_rows(queryset, end)

            note = None if draft is None else draft.note_page
            body: dict[str, Any] = self.paginator.page(filtered, request, read, count, note)
            return body

        shown = self.representation(request.query_params)
        if highlights(request):
            read = partial(read_rows, representation=shown)
            return Response(page(partial(read_highlighted, request, read)))
        return Response(self.spliced(shown, page))

    def _counting_collection(self: Any, rows: QuerySet[Any]) -> str | None:
        """Where the list is of all rows, the collection whose revision counts them, if one does."""
        whole = (
            set(self.request.query_params) <= _NO_FILTERS
            and type(self).get_queryset is ShownRows.get_queryset
            and not self.parent_field
            and reads_all(self.row_rules, rows.model, self.right())
        )
        return live_collection(rows.model) if whole else None

    def retrieve(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        pk = self.path_id()
        shown = self.representation(request.query_params)
        if AS_OF in request.query_params:
            return Response(self.as_of(pk, shown, request.query_params[AS_OF]))
        body = self.spliced(shown, lambda read: {"results": [self._shown_row(pk, read)]})
        return Response(body["results"][0])

    def shown(self: Any, pk: uuid.UUID, representation: Representation) -> Any:
        """What is shown of a row that the caller may read; 404 for any other id."""
        return self._shown_row(pk, partial(read_rows, representation=representation))

    def _shown_row(self: Any, pk: uuid.UUID, read: Reader) -> Any:
        if self._judges_objects():
            self.read(pk, self.serializer_class())
        terms = ("version",) if has_versions(self) else ()
        found = read(self.get_queryset().filter(pk=pk), terms=terms)
        if not found:
            raise Http404
        self.shown_version = found[0].place[0] if terms else None
        return found[0].shown

    def reads_as_declared(self: Any) -> bool:
        """Whether declarations say all of what is read and for whom, and no code of the view's."""
        kind = type(self)
        return (
            kind.get_queryset is ShownRows.get_queryset
            and kind.list is ShownRows.list
            and kind.retrieve is ShownRows.retrieve
            and kind.filter_queryset is GenericAPIView.filter_queryset
            and not self._judges_objects()
        )

    def _judges_objects(self: Any) -> bool:
        """Whether a permission asks for the object itself."""
        usual = BasePermission.has_object_permission
        return any(type(each).has_object_permission is not usual for each in self.get_permissions())

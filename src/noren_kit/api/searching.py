"""`?search=`: by the index of terms where the model declares one, else field by field."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from noren_kit.api.reading import ReadRow
from noren_kit.core.conf import conf
from noren_kit.core.errors import InvalidInput
from noren_kit.search.choosing import searched_list
from noren_kit.search.finding import matching, ranked
from noren_kit.search.folding import wanted_terms
from noren_kit.search.highlighting import SNIPPET, highlight
from noren_kit.search.indexing import index_of

HIGHLIGHT = "highlight"


def search_parameters(view: Any) -> set[str]:
    """The parameters of the view's list that search it."""
    if not view.search_fields:
        return set()
    return {"search", HIGHLIGHT} if index_of(view.resource_model()) else {"search"}


def search_forms(word: str) -> set[str]:
    """A word as it is stored (NFC), and as it is written elsewhere (NFKC: full to half width)."""
    return {unicodedata.normalize("NFC", word), unicodedata.normalize("NFKC", word)}


class SearchBackend(BaseFilterBackend):
    """Every word of the search must stand somewhere in the view's `search_fields`.

    With an index (`Searched`) words are found by their beginnings too, and without an ordering
    of the client's the best come first. Without one each row is looked through, which is for
    tables that stay small.
    """

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        text = request.query_params.get("search", "")
        words = text.split()
        if len(text) > conf.MAX_SEARCH_CHARACTERS or len(words) > conf.MAX_SEARCH_WORDS:
            message = _("Search for at most %(words)s words and %(characters)s characters.")
            limits = {"words": conf.MAX_SEARCH_WORDS, "characters": conf.MAX_SEARCH_CHARACTERS}
            raise InvalidInput.field("search", "too_long", message % limits)
        _check_highlight(request)
        if not words:
            return queryset
        if index_of(queryset.model) is None:
            return _looked_through(queryset, words, view.search_fields)
        ranks = "ordering" not in request.query_params
        if view.action != "list":
            found = matching(queryset, text)
            return ranked(found, text) if ranks else found
        found, sent = searched_list(queryset, text, ranks=ranks)
        if view.draft is not None:
            view.draft.noted += sent
        return found

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        known = search_parameters(view)
        fields = ", ".join(view.search_fields)
        described = f"Words, at most {conf.MAX_SEARCH_WORDS}, that must all stand in: {fields}."
        if HIGHLIGHT in known:
            described += " Beginnings of words do. Without `ordering` the best come first."
        schema = {
            "type": "string",
            "maxLength": conf.MAX_SEARCH_CHARACTERS,
            "pattern": rf"^\s*\S+(\s+\S+){{0,{conf.MAX_SEARCH_WORDS - 1}}}\s*$",
        }
        found = [{"name": "search", "in": "query", "description": described, "schema": schema}]
        if HIGHLIGHT in known and view.action == "list":
            described = (
                "Together with `search`: adds `highlights` to each row, HTML by field with what"
                f" was found in `<em>`, of long text about {SNIPPET} characters."
            )
            boolean = {"type": "boolean"}
            found.append(
                {"name": HIGHLIGHT, "in": "query", "description": described, "schema": boolean}
            )
        return found if known else []


def _check_highlight(request: Request) -> None:
    asked = request.query_params.get(HIGHLIGHT)
    if asked not in (None, "true", "false"):
        raise InvalidInput.field(HIGHLIGHT, "invalid", _("Give true or false."))
    if asked and "search" not in request.query_params:
        message = _("This goes together with a search.")
        raise InvalidInput.field(HIGHLIGHT, "conflict", message)


def _looked_through(
    queryset: QuerySet[Any], words: Sequence[str], fields: Sequence[str]
) -> QuerySet[Any]:
    for word in words:
        match = Q()
        for field in fields:
            for form in search_forms(word):
                match |= Q(**{f"{field}__icontains": form})
        queryset = queryset.filter(match)
    return queryset


def highlights(request: Request) -> bool:
    """Whether each row shall say what was found in it."""
    return request.query_params.get(HIGHLIGHT) == "true"


def read_highlighted(
    request: Request, read: Any, queryset: QuerySet[Any], *, terms: Sequence[str]
) -> list[ReadRow]:
    """The rows that `read` shows of `queryset`, with `highlights` of what was searched for.

    Of the rows' models the searched columns are read, by one further statement.
    """
    rows = read(queryset, terms=(*terms, "id"))
    index, wanted = index_of(queryset.model), wanted_terms(request.query_params.get("search", ""))
    fields = list(index.fields) if index else []
    found = queryset.model._default_manager.filter(pk__in=[row.place[-1] for row in rows])
    texts = {pk: values for pk, *values in found.values_list("pk", *fields)}
    for row in rows:
        marked = {
            field: highlight(str(text or ""), wanted)
            for field, text in zip(fields, texts.get(row.place[-1], ()), strict=False)
        }
        row.shown["highlights"] = {name: text for name, text in marked.items() if text is not None}
    return [ReadRow(row.shown, row.place[:-1]) for row in rows]

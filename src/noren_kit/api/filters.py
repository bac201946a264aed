"""Filters, search and ordering: declared on the viewset, strict about what they accept."""

from __future__ import annotations

import datetime as dt
import unicodedata
import uuid
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from noren_kit.api.parameters import names
from noren_kit.core.conf import conf
from noren_kit.core.errors import InvalidInput

_EARLIEST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
_LATEST = dt.datetime(9000, 1, 1, tzinfo=dt.UTC)
MAX_IDS = 100


class InstantField(forms.CharField):
    """A moment in ISO 8601 from 1900 to 9000; without an offset it is taken as UTC."""

    default_error_messages = {"invalid": _("Give a time in ISO 8601, such as 2026-01-31T00:00Z.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=40, **kwargs)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            moment = parse_datetime(text) or dt.datetime.fromisoformat(text)
            if timezone.is_naive(moment):
                moment = moment.replace(tzinfo=dt.UTC)
            if not _EARLIEST <= moment <= _LATEST:
                raise ValueError(text)
        except (ValueError, OverflowError):
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None
        return moment


class InstantFilter(django_filters.Filter):
    field_class = InstantField


class AmountField(forms.DecimalField):
    """An amount of money from 0, with up to three decimals."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.pop("localize", None)
        super().__init__(min_value=0, max_digits=14, decimal_places=3, **kwargs)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and not (value.isascii() and "_" not in value):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)


class AmountFilter(django_filters.Filter):
    field_class = AmountField


class IdListField(forms.CharField):
    """Comma-separated ids, at most 100."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        parts = [part for part in text.split(",") if part] if text else []
        if len(parts) > MAX_IDS:
            message = _("Give at most %(most)s ids.") % {"most": MAX_IDS}
            raise ValidationError(message, code="too_many")
        try:
            return [uuid.UUID(part.strip()) for part in parts]
        except ValueError:
            raise ValidationError(_("This is not a list of ids."), code="invalid") from None


class IdListFilter(django_filters.Filter):
    field_class = IdListField

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(field_name="id", lookup_expr="in", **kwargs)


class BooleanField(forms.Field):
    """`true` or `false`, nothing else."""

    def to_python(self, value: Any) -> bool | None:
        if value in (None, ""):
            return None
        if value not in ("true", "false"):
            raise ValidationError(_("Give true or false."), code="invalid")
        return bool(value == "true")


class BooleanFilter(django_filters.Filter):
    field_class = BooleanField


class ResourceFilterSet(django_filters.FilterSet):
    """Filters that every resource has."""

    ids = IdListFilter()
    created_after = InstantFilter(field_name="created_at", lookup_expr="gte")
    created_before = InstantFilter(field_name="created_at", lookup_expr="lt")
    updated_after = InstantFilter(field_name="updated_at", lookup_expr="gte")
    updated_before = InstantFilter(field_name="updated_at", lookup_expr="lt")


class FilterBackend(DjangoFilterBackend):
    """The view's `filterset_class`; a fault is a 400 that names the parameter."""

    filterset_base = ResourceFilterSet

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        if not request.query_params:
            return queryset
        filterset = self.get_filterset(request, queryset, view)
        if filterset is None:
            return queryset
        if not filterset.is_valid():
            raise InvalidInput(details=filterset.errors.get_json_data())
        return filterset.qs


def fold_search(text: str) -> str:
    """Text as search compares it: NFKC (full width becomes half width)."""
    return unicodedata.normalize("NFKC", text)


class SearchBackend(BaseFilterBackend):
    """`?search=`: every word must stand somewhere in the view's `search_fields`."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        text = request.query_params.get("search", "")
        words = fold_search(text).split()
        if len(text) > conf.MAX_SEARCH_CHARACTERS or len(words) > conf.MAX_SEARCH_WORDS:
            message = _("Search for at most %(words)s words and %(characters)s characters.")
            limits = {"words": conf.MAX_SEARCH_WORDS, "characters": conf.MAX_SEARCH_CHARACTERS}
            raise InvalidInput.field("search", "too_long", message % limits)
        for word in words:
            match = Q()
            for field in view.search_fields:
                match |= Q(**{f"{field}__icontains": word})
            queryset = queryset.filter(match)
        return queryset

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        if not view.search_fields:
            return []
        described = "Words that must stand in: " + ", ".join(view.search_fields)
        schema = {"type": "string", "maxLength": conf.MAX_SEARCH_CHARACTERS}
        return [{"name": "search", "in": "query", "description": described, "schema": schema}]


class OrderingBackend(BaseFilterBackend):
    """`?ordering=price,-name` over the view's `ordering_fields`; ties are broken by id."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        terms = names(request, "ordering") or list(view.ordering)
        columns = [term.removeprefix("-") for term in terms]
        unknown = [name for name in columns if name not in view.orderings()]
        if unknown or len(set(columns)) != len(columns):
            message = _("Order by: %(names)s.") % {"names": ", ".join(view.orderings())}
            raise InvalidInput.field("ordering", "invalid", message)
        descending = terms[0].startswith("-")
        return queryset.order_by(*terms, "-id" if descending else "id")

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        described = "One or more of these, each with - in front to reverse: " + ", ".join(
            view.orderings()
        )
        schema = {"type": "string", "default": ",".join(view.ordering)}
        return [{"name": "ordering", "in": "query", "description": described, "schema": schema}]

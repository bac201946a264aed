"""Filters and ordering: declared on the viewset, strict about what they accept.

Each filter states by `schema` what it accepts, in JSON Schema; the OpenAPI document shows it.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import F, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from noren_kit.api.parameters import names, parse_id
from noren_kit.core.errors import InvalidInput

_EARLIEST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
_LONGEST_INSTANT = 40
_LATEST = dt.datetime(9000, 1, 1, tzinfo=dt.UTC)
_AMOUNT = r"^[0-9]{1,11}(\.[0-9]{1,3})?$"
_UUID_TEXT = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
MAX_IDS, MAX_NAMES, MAX_NAMES_CHARACTERS = 100, 10, 500


class InstantField(forms.CharField):
    """A moment in ISO 8601 from 1900 to 9000; without an offset it is taken as UTC."""

    default_error_messages = {"invalid": _("Give a time in ISO 8601, such as 2026-01-31T00:00Z.")}

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            if not text.isascii() or len(text) > _LONGEST_INSTANT:
                raise ValueError(text)
            moment = parse_datetime(text) or dt.datetime.fromisoformat(text)
            if timezone.is_naive(moment):
                moment = moment.replace(tzinfo=dt.UTC)
            if not _EARLIEST <= moment <= _LATEST:
                raise ValueError(text)
            # PostgreSQL takes offsets below 16 hours alone, RFC 3339 those below 24.
            moment = moment.astimezone(dt.UTC)
        except (ValueError, OverflowError):
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None
        return moment


class InstantFilter(django_filters.Filter):
    field_class = InstantField
    schema: ClassVar[dict[str, Any]] = {"type": "string", "format": "date-time", "maxLength": 40}


class AmountField(forms.DecimalField):
    """An amount of money from 0, with up to three decimals."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.pop("localize", None)
        super().__init__(min_value=0, max_digits=14, decimal_places=3, **kwargs)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and value and not re.fullmatch(_AMOUNT, value):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)


class AmountFilter(django_filters.Filter):
    field_class = AmountField
    schema: ClassVar[dict[str, Any]] = {"type": "string", "format": "decimal", "pattern": _AMOUNT}


class IdField(forms.Field):
    """One id."""

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        identifier = parse_id(value)
        if identifier is None:
            raise ValidationError(_("Give an id."), code="invalid")
        return identifier


class IdFilter(django_filters.Filter):
    field_class = IdField
    schema: ClassVar[dict[str, Any]] = {"type": "string", "format": "uuid"}


class IdListField(forms.CharField):
    """Comma-separated ids, at most 100."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        parts = text.split(",") if text else []
        if len(parts) > MAX_IDS:
            message = _("Give at most %(most)s ids.") % {"most": MAX_IDS}
            raise ValidationError(message, code="too_many")
        found = [parse_id(part.strip()) for part in parts]
        if None in found:
            raise ValidationError(_("This is not a list of ids."), code="invalid")
        return found


class IdListFilter(django_filters.Filter):
    field_class = IdListField
    schema: ClassVar[dict[str, Any]] = {
        "type": "string",
        "pattern": f"^{_UUID_TEXT}(,{_UUID_TEXT}){{0,{MAX_IDS - 1}}}$",
        "description": f"Comma-separated ids, at most {MAX_IDS}.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(field_name="id", lookup_expr="in", **kwargs)


class NameListField(forms.CharField):
    """Comma-separated names in NFC, at most 10."""

    def to_python(self, value: Any) -> Any:
        text = unicodedata.normalize("NFC", super().to_python(value) or "")
        found = list(dict.fromkeys(part.strip() for part in text.split(","))) if text else []
        if len(found) > MAX_NAMES or len(text) > MAX_NAMES_CHARACTERS:
            message = _("Give at most %(most)s names.") % {"most": MAX_NAMES}
            raise ValidationError(message, code="too_many")
        if not all(found):
            raise ValidationError(_("Give names with commas between."), code="invalid")
        return found


class NameListFilter(django_filters.Filter):
    field_class = NameListField
    schema: ClassVar[dict[str, Any]] = {
        "type": "string",
        "maxLength": MAX_NAMES_CHARACTERS,
        "pattern": rf"^\s*[^,\s][^,]*(,\s*[^,\s][^,]*){{0,{MAX_NAMES - 1}}}$",
        "description": f"Comma-separated names, at most {MAX_NAMES}; a row has all of them.",
    }


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
    schema: ClassVar[dict[str, Any]] = {"type": "boolean"}


class ChoiceFilter(django_filters.ChoiceFilter):
    """One of `choices`."""

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": [value for value, _label in self.extra["choices"]]}


class ResourceFilterSet(django_filters.FilterSet):
    """Filters that every resource has.

    `reads` names, for each filter that has a `method`, the paths from the model that it looks
    at: a cached list holds for as long as none of them changes.
    """

    reads: ClassVar[Mapping[str, Sequence[str]]] = {}

    ids = IdListFilter()
    created_after = InstantFilter(field_name="created_at", lookup_expr="gte")
    created_before = InstantFilter(field_name="created_at", lookup_expr="lt")
    updated_after = InstantFilter(field_name="updated_at", lookup_expr="gte")
    updated_before = InstantFilter(field_name="updated_at", lookup_expr="lt")


class FilterBackend(DjangoFilterBackend):
    """The view's `filterset_class`; a fault is a 400 that names the parameter."""

    filterset_base = ResourceFilterSet

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        return self.filter_without((), request, queryset, view)

    def filter_without(
        self, names: Collection[str], request: Request, queryset: QuerySet[Any], view: Any
    ) -> Any:
        """As `filter_queryset`, but for the parameters of these names."""
        if not request.query_params:
            return queryset
        filterset = self.get_filterset(request, queryset, view)
        if filterset is None:
            return queryset
        filterset.data = {
            name: value for name, value in filterset.data.items() if name not in names
        }
        if not filterset.is_valid():
            raise InvalidInput(details=filterset.errors.get_json_data())
        return filterset.qs


def order_terms(view: Any, given: Mapping[str, str]) -> list[str]:
    """What these parameters order a view's list by, else the view's own; raises `InvalidInput`."""
    terms = names(given, "ordering") or list(view.ordering)
    columns = [term.removeprefix("-") for term in terms]
    unknown = [name for name in columns if name not in view.orderings()]
    if unknown or len(set(columns)) != len(columns):
        message = _("Order by: %(names)s.") % {"names": ", ".join(view.orderings())}
        raise InvalidInput.field("ordering", "invalid", message)
    return terms


class _OfOwnTable(F):
    """A column of a related row, taken from that row's table.

    `F` takes the foreign key that holds the same value, which no index of the other table has.
    """

    name: str

    def resolve_expression(self, query: Any = None, *args: Any, **kwargs: Any) -> Any:
        path = self.name.split(LOOKUP_SEP)
        found = query.setup_joins(path, query.get_meta(), query.get_initial_alias())
        return found.targets[0].get_col(found.joins[-1])


def ordered(view: Any, queryset: Any, terms: Sequence[str]) -> Any:
    """`queryset` in the order of these terms of the view; ties are broken by id.

    By the related row's own id (`<name>_id`) where the only term stands in that row: then one
    index over the two gives the order.
    """
    paths: Mapping[str, tuple[str, str]] = view.ordering_paths
    columns = [term.removeprefix("-") for term in terms]
    sign = "-" if terms[0].startswith("-") else ""
    related = {name: F(paths[name][0]) for name in columns if name in paths}
    if len(columns) == len(related) == 1:
        last = f"{columns[0]}_id"
        found = queryset.annotate(**related, **{last: _OfOwnTable(paths[columns[0]][1])})
        return found.order_by(*terms, sign + last)
    return queryset.annotate(**related).order_by(*terms, f"{sign}id")


class OrderingBackend(BaseFilterBackend):
    """`?ordering=price,-name` over the view's `ordering_fields`; ties are broken by id."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        given = request.query_params
        if "ordering" not in given and {"relevance", "exactness"} & set(queryset.query.annotations):
            return queryset  # Ordered by the search.
        return ordered(view, queryset, order_terms(view, given))

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        described = "One or more of these, each once and with - in front to reverse: " + ", ".join(
            view.orderings()
        )
        one = "-?(" + "|".join(view.orderings()) + ")"
        schema = {
            "type": "string",
            "pattern": f"^{one}(,{one})*$",
            "default": ",".join(view.ordering),
        }
        return [{"name": "ordering", "in": "query", "description": described, "schema": schema}]

"""Where a cursor stands in an ordering, and which rows come after that place.

An ordering's terms are fields of the model or annotations of the queryset, with `-` in front to
descend. None may be null (`noren.E008`). A place is the ordering's values of the row beside it,
as texts.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.signing import BadSignature, Signer
from django.db.models import Q, QuerySet, Value
from django.utils.translation import gettext_lazy as _

from noren_kit.core import context
from noren_kit.core.errors import InvalidInput
from noren_kit.db.row_comparison import RowComparison


@dataclass(frozen=True, slots=True)
class Position:
    """Where a cursor stands, which way it goes, and whether the row of its place comes too."""

    place: tuple[str, ...]
    backwards: bool = False
    inclusive: bool = False


@dataclass(frozen=True, slots=True)
class CursorTokens:
    """Cursors of one list: of its tenant, path, filters and ordering, and refused elsewhere.

    Lists of the platform are read inside a tenant or outside of any.
    """

    path: str
    filters: Sequence[tuple[str, str]]
    ordering: Sequence[str]

    def _signer(self) -> Signer:
        entered = context.tenant_or_none()
        tenant, filters, ordering = entered and entered.id, sorted(self.filters), [*self.ordering]
        return Signer(salt=f"cursor:{tenant}:{self.path}:{filters}:{ordering}")

    def write(self, position: Position) -> str:
        values = [list(position.place), position.backwards, position.inclusive]
        return self._signer().sign_object(values, compress=False)

    def read(self, token: str) -> Position:
        """Raises `InvalidInput` naming `cursor` for a token that this list has not made."""
        try:
            place, backwards, inclusive = self._signer().unsign_object(token)
        except (BadSignature, ValueError) as error:
            message = _("This cursor does not belong to this list.")
            raise InvalidInput.field("cursor", "invalid", message) from error
        return Position(tuple(place), backwards, inclusive)


def column_of(term: str) -> str:
    return term.removeprefix("-")


def descends(term: str) -> bool:
    return term.startswith("-")


def reversed_term(term: str) -> str:
    return column_of(term) if descends(term) else f"-{term}"


def place_of(values: Sequence[Any], ordering: Sequence[str]) -> tuple[str, ...]:
    """A row's values of the ordering's terms, as texts that `beyond` reads."""
    return tuple(_text(value, term) for value, term in zip(values, ordering, strict=True))


def beyond(
    queryset: QuerySet[Any],
    ordering: Sequence[str],
    place: Sequence[str],
    *,
    inclusive: bool = False,
) -> Q:
    """The condition of the rows of `queryset` that come after `place` in `ordering`.

    With `inclusive` the row of that place itself comes too. Raises `InvalidInput` naming
    `cursor` where the place is not one of this ordering.
    """
    names = [column_of(term) for term in ordering]
    if len(names) != len(place):
        raise _damaged()
    values = [_typed(queryset, name, text) for name, text in zip(names, place, strict=True)]
    at_place = Q(**dict(zip(names, values, strict=True)))
    if len({descends(term) for term in ordering}) == 1:
        # The planner estimates by the first term alone. `<` would tell it that nothing comes
        # after the lowest rating, however many products have it, and it would sort them all.
        comparison = RowComparison(names, "<=" if descends(ordering[0]) else ">=", values)
        return Q(comparison) if inclusive else Q(comparison) & ~at_place
    after = _beyond_by_terms(ordering, values)
    return after | at_place if inclusive else after


def _beyond_by_terms(ordering: Sequence[str], values: Sequence[Value]) -> Q:
    """For terms of both directions, with a bound on the first column for its index."""
    after = Q()
    equal: dict[str, Any] = {}
    for term, value in zip(ordering, values, strict=True):
        name, comparison = column_of(term), "lt" if descends(term) else "gt"
        after |= Q(**equal, **{f"{name}__{comparison}": value})
        if not equal:
            bound = Q(**{f"{name}__{comparison}e": value})
        equal[name] = value
    return bound & after


def _text(value: Any, term: str) -> str:
    if value is None:
        raise ImproperlyConfigured(f"{term} is null in a row: a cursor can't order by it.")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _field(queryset: QuerySet[Any], name: str) -> Any:
    meta, annotations = queryset.model._meta, queryset.query.annotations
    if name in annotations:
        return annotations[name].output_field
    return meta.pk if name == "pk" else meta.get_field(name)


def _typed(queryset: QuerySet[Any], name: str, text: str) -> Value:
    field = _field(queryset, name)
    try:
        value = uuid.UUID(text) if field.primary_key else field.to_python(text)
        field.get_prep_value(value)
    except (ValidationError, ArithmeticError, ValueError, TypeError, AttributeError) as error:
        raise _damaged() from error
    return Value(value, output_field=field)


def _damaged() -> InvalidInput:
    return InvalidInput.field("cursor", "invalid", _("This cursor is damaged."))

"""From what somebody typed to the rows that have it, the best first.

Each term is a range of the index of terms. The conditions are separate, so that PostgreSQL
starts with the rarest and asks for the others row by row, by the key of the table of terms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import (
    Case,
    Count,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.db.models.lookups import IsNull

from noren_kit.search.folding import Wanted, wanted_terms, whole_code
from noren_kit.search.indexing import NAMED, WHOLE_CODE, resource_code
from noren_kit.search.models import Term

EXACT_CODE, CODE_PREFIX, IN_NAMES, IN_TEXT = 3, 2, 1, 0
"""Values of `relevance`."""
ORDERING = ("-relevance", "-id")
"""Ids are of version 7 (RFC 9562): the newest first among equals."""

# More conditions than these are taken together, and more beginnings of words as whole words:
# some characters alone fold into a dozen words.
SEPARATE, _PREFIXES = 12, 10
_LAST_CHARACTER = "\U0010ffff"


def terms_of(queryset: QuerySet[Any]) -> QuerySet[Term]:
    code = resource_code(queryset.model._meta.db_table)
    found: QuerySet[Term] = Term.objects.filter(resource=code)
    return found


def condition(wanted: Wanted) -> Q:
    if not wanted.prefix:
        return Q(term=wanted.term)
    return Q(term__gte=wanted.term, term__lt=wanted.term + _LAST_CHARACTER)


def bounded(text: str) -> list[Wanted]:
    found = wanted_terms(text)
    prefixes = [each for each in found if each.prefix]
    return [
        Wanted(each.term) if each in prefixes[_PREFIXES:] else each
        for each in sorted(found, key=lambda each: not each.prefix)
    ]


def matching(queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
    """The rows that have every word of `text`, or one that begins so; each once.

    Text without any letter or digit finds codes that begin with it, and all where it is made of
    marks alone that nothing is told apart by.
    """
    terms, wanted, whole = terms_of(queryset), bounded(text), whole_code(text)
    if not wanted and not whole:
        return queryset
    if not wanted:
        codes = terms.filter(condition(Wanted(whole, prefix=True)), weight=WHOLE_CODE)
        return queryset.filter(pk__in=codes.values("id"))
    for each in wanted[:SEPARATE]:
        queryset = queryset.filter(pk__in=terms.filter(condition(each)).values("id"))
    together = list(dict.fromkeys(each.term for each in wanted[SEPARATE:]))
    if together:
        counted = terms.filter(term__in=together).values("id").annotate(found=Count("term"))
        queryset = queryset.filter(pk__in=counted.filter(found=len(together)).values("id"))
    return queryset


def ranked(queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
    """`queryset` with `relevance`, ordered by it: a code, its beginning, names, other text."""
    own, whole = terms_of(queryset).filter(id=OuterRef("pk")), whole_code(text)
    wanted = bounded(text)
    code = Case(When(term=whole, then=Value(EXACT_CODE)), default=Value(CODE_PREFIX))
    one_word = wanted == [Wanted(whole, prefix=True)]
    if one_word:  # All that there is to know stands in the terms which begin so: one look-up.
        begun = own.filter(condition(wanted[0]))
        tiers = Case(
            When(weight=WHOLE_CODE, then=code),
            When(weight=NAMED, then=Value(IN_NAMES)),
            default=Value(IN_TEXT),
        )
    else:
        begun = own.filter(condition(Wanted(whole, prefix=True)), weight=WHOLE_CODE)
        tiers = code
    best = Subquery(begun.values("id").annotate(best=Max(tiers)).values("best"))
    named = [] if one_word else _named(own, wanted[:SEPARATE])
    otherwise: Any = Value(IN_TEXT)
    if named:
        otherwise = Case(When(Q(*named), then=Value(IN_NAMES)), default=otherwise)
    relevance = Coalesce(best, otherwise, output_field=IntegerField())
    ordered: QuerySet[Any] = queryset.annotate(relevance=relevance).order_by(*ORDERING)
    return ordered


def _named(own: QuerySet[Term], wanted: Sequence[Wanted]) -> list[IsNull]:
    names = own.filter(weight__lte=NAMED)
    return [is_there(names.filter(condition(each))) for each in wanted]


def is_there(terms: QuerySet[Term]) -> IsNull:
    """Whether there is such a term, asked row by row: `EXISTS` might first read all of a word's."""
    return IsNull(Subquery(terms.values("weight")[:1]), False)

"""A list that is searched: the way to its rows is chosen by how frequent the words are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import (
    BooleanField,
    Case,
    Exists,
    F,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    When,
)
from django.db.models.expressions import RawSQL

from noren_kit.db.prepared import fetch_all
from noren_kit.search.courses import FREQUENT, SAMPLE, Looks, Way, look
from noren_kit.search.finding import (
    SEPARATE,
    bounded,
    condition,
    is_there,
    matching,
    ranked,
    terms_of,
)
from noren_kit.search.folding import Wanted, whole_code
from noren_kit.search.indexing import WHOLE_CODE, resource_code
from noren_kit.search.lookups import Sql, code_rows, composed, has, joined
from noren_kit.search.narrowing import (
    Place,
    Search,
    candidates,
    carrying,
    matches_among,
    search_of,
)

BROAD_ORDERING = ("-exactness", "-created_at", "-id")
"""The order where too much begins with the text for ranks: the code itself, then the newest."""


class _EqualsAny(Func):
    template, arg_joiner, output_field = "%(expressions)s", " = ANY ", BooleanField()


def searched_list(queryset: QuerySet[Any], text: str, *, ranks: bool) -> tuple[QuerySet[Any], int]:
    """The rows that have every word of `text`, ranked if asked; and how many statements it sent.

    The queryset carries its search, for counts and pages that end.
    """
    wanted, whole = tuple(bounded(text)), whole_code(text)
    everything = None if not wanted or len(wanted) > SEPARATE else _is_whole(queryset)
    if everything is None:
        found = matching(queryset, text)
        return (ranked(found, text) if ranks else found), 0
    model = queryset.model
    resource = resource_code(model._meta.db_table)
    looks = look(resource, wanted, whole)
    search = Search(queryset, resource, text, whole, wanted, Way.COLLECT, everything)
    search, sent = _chosen(search, looks, ranks=ranks)
    if search.way is Way.WALK:
        found = _asked(queryset, wanted)
        found = _exact_first(found, whole) if ranks else found
    else:
        found = matching(queryset, text)
        found = ranked(found, text) if ranks else found
    return carrying(found, search), sent + 1


def _is_whole(queryset: QuerySet[Any]) -> bool | None:
    """Whether it has all rows of its model; None where it knows that it has none."""
    try:
        return str(queryset.query) == str(queryset.model._default_manager.all().query)
    except EmptyResultSet:
        return None


def _chosen(search: Search, looks: Looks, *, ranks: bool) -> tuple[Search, int]:
    """The search on its way, and how many statements were sent to choose it."""
    rarest, driver = looks.rarest, looks.driver
    if ranks and driver is not None and not looks.many_codes:
        follow = replace(search, way=Way.FOLLOW, driver=driver)
        if driver.is_rare or (search.whole and not follow.others):
            return follow, 0
        if not rarest.is_rare:
            return (follow if _matches_often(follow) else search), 1
    if rarest.is_rare:
        return search, 0
    walk = replace(search, way=Way.WALK)
    return (walk if _matches_often(walk) else search), 1


def _matches_often(search: Search) -> bool:
    asked = matches_among(search, SAMPLE)
    ((number,),) = fetch_all(asked.text, asked.values, planned_anew=True)
    return bool(number >= FREQUENT)


def _asked(queryset: QuerySet[Any], wanted: Sequence[Wanted]) -> QuerySet[Any]:
    """`matching`, but each row is asked: PostgreSQL can't begin with a frequent word."""
    own = terms_of(queryset).filter(id=OuterRef("pk"))
    for each in wanted:
        queryset = queryset.filter(is_there(own.filter(condition(each))))
    return queryset


def _exact_first(queryset: QuerySet[Any], whole: str) -> QuerySet[Any]:
    exact = terms_of(queryset).filter(id=OuterRef("pk"), term=whole, weight=WHOLE_CODE)
    exactness = Case(When(Exists(exact), then=1), default=0, output_field=IntegerField())
    found: QuerySet[Any] = queryset.annotate(exactness=exactness).order_by(*BROAD_ORDERING)
    return found


def page_of(
    queryset: QuerySet[Any],
    most: int,
    place: Sequence[str] = (),
    *,
    backwards: bool = False,
    beyond: Callable[[QuerySet[Any]], Q] | None = None,
) -> QuerySet[Any]:
    """The queryset, or few of its rows with the first `most` behind the place among them.

    `place` has the values of the queryset's order; `beyond` gives the condition of what is behind
    it in the last two of them, the place itself included.
    """
    search, ordering = search_of(queryset), queryset.query.order_by
    annotated = queryset.query.annotations
    if search is None or not {"relevance", "exactness"} & set(annotated):
        return queryset
    if search.way is Way.FOLLOW:
        at = Place(int(place[0]), place[-1], backwards) if place else None
        few = candidates(search, most, at)
        found = ranked(_among(search, few), search.text)
    elif search.way is Way.WALK:
        few = _broad_candidates(search, most, place, backwards, beyond)
        found = _exact_first(_among(search, few), search.whole_code)
    else:
        return queryset
    return found.order_by(*ordering)


def _among(search: Search, few: Sql) -> QuerySet[Any]:
    # As an array: how many rows a statement gives PostgreSQL does not know, and might read all
    # products to join a few.
    ids = RawSQL(f"ARRAY({few.text})", few.values)  # noqa: S611  values apart
    return search.rows.filter(_EqualsAny(F("pk"), ids))


def _broad_candidates(
    search: Search,
    most: int,
    place: Sequence[str],
    backwards: bool,
    beyond: Callable[[QuerySet[Any]], Q] | None,
) -> Sql:
    """The rows with the code itself, and the first ones behind the place of all that match."""
    wanted = [has(each, "s.id") for each in search.wanted]
    exact = composed(
        "SELECT s.id FROM ({codes} AND s.term = {whole}) AS s WHERE {wanted}",
        codes=code_rows(search.resource, search.whole_code),
        whole=Sql("%s", (search.whole_code,)),
        wanted=joined(" AND ", *wanted),
    )
    if place and int(place[0]) and backwards:
        return exact
    rows = _asked(search.rows, search.wanted)
    if place and not int(place[0]) and beyond is not None:
        rows = rows.filter(beyond(rows))
    order = ("created_at", "id") if backwards else ("-created_at", "-id")
    text, values = rows.order_by(*order).values_list("pk")[:most].query.sql_with_params()
    return composed(
        "{exact} UNION ALL SELECT n.id FROM ({rows}) AS n(id)", exact=exact, rows=Sql(text, values)
    )

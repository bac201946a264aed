"""Few rows among which the best of a search are, and counts that end.

A queryset carries how it was searched (`Search`); lists ask for a page's candidates and for a
bounded count. Whoever does not ask gets the same rows from the queryset itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from noren_kit.search.courses import Frequency, Way
from noren_kit.search.folding import Wanted
from noren_kit.search.indexing import NAMED, SAID, WHOLE_CODE
from noren_kit.search.lookups import Sql, code_rows, composed, has, joined, of_resource, words

COUNTED = 1_000
"""Rows of one word that are counted."""
LOOKED_AT = 300
"""Rows of the rarest word that are looked at to count what has the others too."""
_NEWEST = ("-created_at", "-id")


@dataclass(frozen=True, slots=True)
class Search:
    """How a queryset was searched: `rows` is what it was before, all of a resource if `whole`."""

    rows: QuerySet[Any]
    resource: int
    text: str
    whole_code: str
    wanted: tuple[Wanted, ...]
    way: Way
    whole: bool
    driver: Frequency | None = None

    @property
    def others(self) -> tuple[Wanted, ...]:
        """All words but the driving one."""
        driver = self.driver.wanted if self.driver else None
        return tuple(each for each in self.wanted if each != driver)

    @property
    def driving(self) -> Wanted:
        if self.driver is None:
            raise TypeError("No word drives this search.")
        return self.driver.wanted


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cursor stands in the order of relevance and id."""

    relevance: int
    id: str
    backwards: bool = False

    def bound(self, tier: int) -> Sql | None:
        """What is behind it of a tier; None where the whole tier is before it."""
        if tier == self.relevance:
            return Sql("s.id >= %s" if self.backwards else "s.id <= %s", (self.id,))
        return Sql("") if (tier > self.relevance) == self.backwards else None


def search_of(queryset: QuerySet[Any]) -> Search | None:
    """How it was searched, None where it was not."""
    return getattr(queryset.query, "noren_search", None)


def carrying(queryset: QuerySet[Any], search: Search) -> QuerySet[Any]:
    """The queryset, which from here on carries its search."""
    found = queryset.all()
    found.query.noren_search = search  # type: ignore[attr-defined]
    return found


def _all(*conditions: Sql | None) -> Sql:
    return joined("", *(Sql(f" AND {each.text}", each.values) for each in conditions if each))


def _shown(search: Search) -> Sql | None:
    """Whether the list would have the row `s.id` without the search."""
    if search.whole:
        return None
    rows = search.rows.order_by().filter(pk=RawSQL("s.id", ()))
    text, values = rows.values_list("pk").query.sql_with_params()
    return Sql(f"({text} LIMIT 1) IS NOT NULL", values)


def _entries(
    search: Search, weights: tuple[int, ...], conditions: Sql, most: int, order: str = "DESC"
) -> Sql:
    """The first entries of each driving word in each of the weights."""
    parts = [
        composed(
            "SELECT e.id FROM ({words}) AS w CROSS JOIN LATERAL ("  # noqa: S608
            "SELECT s.id FROM search_term s WHERE {tenant} AND s.term = w.term"
            f" AND s.weight = {weight}{{conditions}} ORDER BY s.id {order} LIMIT {most}) AS e",
            words=words(search.resource, search.driving),
            tenant=of_resource(search.resource),
            conditions=conditions,
        )
        for weight in weights
    ]
    return joined(" UNION ALL ", *parts)


def _first(entries: Sql, most: str, order: str = "DESC") -> Sql:
    """Each once, the first of all."""
    return composed(
        f"SELECT DISTINCT u.id FROM ({{entries}}) AS u ORDER BY u.id {order} LIMIT {most}",  # noqa: S608
        entries=entries,
    )


def _tier(search: Search, tier: int, place: Place | None, most: int) -> Sql | None:
    """Entries of rows with all words in names or codes (tier 1), or of the others (tier 0)."""
    bound = Sql("") if place is None else place.bound(tier)
    if bound is None:
        return None
    further = [bound if bound.text else None, Sql("NOT (s.id IN (SELECT c.id FROM codes c))")]
    if tier:
        weights: tuple[int, ...] = (WHOLE_CODE, NAMED)
        further += [has(each, "s.id", named=True) for each in search.others]
    else:
        weights = (WHOLE_CODE, NAMED, SAID) if search.others else (SAID,)
        named = joined(" AND ", *(has(each, "s.id", named=True) for each in search.wanted))
        further += [has(each, "s.id") for each in search.others]
        further.append(Sql(f"NOT ({named.text})", named.values))
    order = "ASC" if place and place.backwards else "DESC"
    return _entries(search, weights, _all(*further, _shown(search)), most, order)


def candidates(search: Search, most: int, place: Place | None = None) -> Sql:
    """Ids among which the first `most` rows behind the place are, by relevance and id.

    Codes that begin with the text, which are few; and of each tier the first of the index of
    terms, no more than are missing still.
    """
    backwards = place is not None and place.backwards
    order = "ASC" if backwards else "DESC"
    tiers = [_tier(search, tier, place, most) for tier in ((0, 1) if backwards else (1, 0))]
    ready = [each for each in tiers if each is not None]
    ctes, names, missing = [], [], f"{most}"
    for at, entries in enumerate(ready):
        first = _first(entries, missing, order)
        ctes.append(Sql(f", t{at} AS MATERIALIZED ({first.text})", first.values))
        names.append(f" UNION ALL SELECT t{at}.id FROM t{at}")  # noqa: S608
        missing = f"GREATEST(0, {most} - (SELECT count(*) FROM t{at}))"  # noqa: S608
    return composed(
        "WITH codes AS MATERIALIZED ({codes}){tiers}"  # noqa: S608
        " SELECT s.id FROM codes s WHERE true{asked}" + "".join(names),
        codes=code_rows(search.resource, search.whole_code),
        tiers=joined("", *ctes),
        asked=_all(*(has(each, "s.id") for each in search.wanted), _shown(search)),
    )


def newest(search: Search, most: int) -> Sql:
    """Ids of the newest rows of the list before it was searched."""
    text, values = search.rows.order_by(*_NEWEST).values_list("pk")[:most].query.sql_with_params()
    return Sql(text, values)


def _looked_at(search: Search, most: int) -> Sql:
    """Ids of which no more than `most` are looked at, as the column `id`."""
    if search.way is Way.WALK:
        return composed("SELECT n.id FROM ({newest}) AS n(id)", newest=newest(search, most))
    return _first(_entries(search, (WHOLE_CODE, NAMED, SAID), Sql(""), most), str(most))


def _asked(search: Search) -> Sql:
    """The conditions that tell whether a row that is looked at is found."""
    if search.way is Way.WALK:
        return _all(*(has(each, "s.id") for each in search.wanted))
    return _all(*(has(each, "s.id") for each in search.others), _shown(search))


def _found(search: Search, most: int) -> Sql:
    """Ids of rows that are found, as far as `most`, however many are to be looked at."""
    if search.way is Way.WALK:
        text, values = search.rows.order_by(*_NEWEST).values_list("pk").query.sql_with_params()
        return composed(
            "SELECT s.id FROM ({rows} OFFSET 0) AS s(id)"  # noqa: S608
            f" WHERE true{{asked}} LIMIT {most}",
            rows=Sql(text, values),
            asked=_asked(search),
        )
    every = _entries(search, (WHOLE_CODE, NAMED, SAID), _asked(search), most)
    return _first(every, str(most))


def matches_among(search: Search, most: int) -> Sql:
    """A statement: how many are found of the first `most` that are looked at."""
    return composed(
        "SELECT count(*) FROM ({looked}) AS s WHERE true{asked}",
        looked=_looked_at(search, most),
        asked=_asked(search),
    )


def count(search: Search, end: int) -> Sql:
    """A statement: how many are found, and whether there are more than that.

    Where there are more, it says at least `end` and one.
    """
    if search.way is Way.FOLLOW and search.whole and not search.others:
        most = max(COUNTED, end)
        return composed(
            f"SELECT n, n > {most} FROM (SELECT count(*) AS n FROM ({{found}}) AS f) AS c",  # noqa: S608
            found=_found(search, most + 1),
        )
    return composed(
        "WITH looked AS MATERIALIZED ({looked}),"  # noqa: S608
        " kept AS MATERIALIZED (SELECT count(*) AS n FROM looked s WHERE true{asked}),"
        f" size AS (SELECT count(*) > {LOOKED_AT} AS more FROM looked),"
        " further AS MATERIALIZED (SELECT count(*) AS n FROM ({found}) AS f)"
        f" SELECT CASE WHEN NOT size.more OR kept.n > {end} THEN kept.n"
        " ELSE (SELECT n FROM further) END,"
        f" size.more AND (kept.n > {end} OR (SELECT n FROM further) > {end})"
        " FROM kept, size",
        looked=_looked_at(search, LOOKED_AT + 1),
        asked=_asked(search),
        found=_found(search, end + 1),
    )

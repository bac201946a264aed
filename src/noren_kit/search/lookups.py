"""The SQL by which terms are looked up: texts that stand apart from their values."""

from __future__ import annotations

from typing import Any, NamedTuple

from noren_kit.core import context
from noren_kit.search.folding import Wanted
from noren_kit.search.indexing import NAMED, WHOLE_CODE

LAST_CHARACTER = "\U0010ffff"


class Sql(NamedTuple):
    """A text with `%s` for each of its values."""

    text: str
    values: tuple[Any, ...] = ()


def joined(separator: str, *parts: Sql) -> Sql:
    """All parts with `separator` between them."""
    values = tuple(value for part in parts for value in part.values)
    return Sql(separator.join(part.text for part in parts), values)


def composed(template: str, **parts: Sql) -> Sql:
    """`template` with its `{names}` replaced; each name stands once, in the order given."""
    text = template.format(**{name: part.text for name, part in parts.items()})
    return Sql(text, tuple(value for part in parts.values() for value in part.values))


def of_resource(resource: int, alias: str = "s") -> Sql:
    """The condition of the terms of a resource of the entered tenant."""
    text = f"{alias}.tenant_id = %s AND {alias}.resource = %s"
    return Sql(text, (context.tenant_id(), resource))


def begins(term: str, alias: str = "s") -> Sql:
    """The condition of a term that begins so."""
    text = f"{alias}.term >= %s AND {alias}.term < %s"
    return Sql(text, (term, term + LAST_CHARACTER))


def is_wanted(wanted: Wanted, alias: str = "s") -> Sql:
    """The condition of a term that is, or with `prefix` begins so."""
    if wanted.prefix:
        return begins(wanted.term, alias)
    return Sql(f"{alias}.term = %s", (wanted.term,))


def has(wanted: Wanted, row: str, *, named: bool = False) -> Sql:
    """Whether the row of this id has the word, with `named` in its names or codes.

    A scalar subquery: PostgreSQL knows little of how many rows have a word, and would take one
    that it may join for a reason to read them all.
    """
    return composed(
        f"(SELECT 1 FROM search_term o WHERE o.tenant_id = {{tenant}} AND o.id = {row}"  # noqa: S608
        f" AND {{wanted}}{f' AND o.weight <= {NAMED}' if named else ''} LIMIT 1) IS NOT NULL",
        tenant=Sql("%s", (context.tenant_id(),)),
        wanted=is_wanted(wanted, "o"),
    )


def words(resource: int, wanted: Wanted) -> Sql:
    """The different words that are wanted, one look-up for each."""
    if not wanted.prefix:
        return Sql('SELECT %s::text COLLATE "C" AS term', (wanted.term,))
    following = (
        "SELECT n.term FROM search_term n WHERE {tenant} AND n.term {after} AND n.term < {end}"
        " ORDER BY n.term LIMIT 1"
    )
    tenant = of_resource(resource, "n")
    end = Sql("%s", (wanted.term + LAST_CHARACTER,))
    first = composed(following, tenant=tenant, after=Sql(">= %s", (wanted.term,)), end=end)
    further = composed(following, tenant=tenant, after=Sql("> f.term"), end=end)
    return composed(
        "WITH RECURSIVE f(term) AS (({first}) UNION ALL"
        " SELECT ({further}) FROM f WHERE f.term IS NOT NULL)"
        " SELECT f.term FROM f WHERE f.term IS NOT NULL",
        first=first,
        further=further,
    )


def counted(rows: Sql, most: int) -> Sql:
    """How many there are, at most `most`."""
    return composed(f"(SELECT count(*) FROM ({{rows}} LIMIT {most}) AS c)", rows=rows)  # noqa: S608


def code_rows(resource: int, whole: str) -> Sql:
    """The ids of the rows with a code that begins so."""
    return composed(
        "SELECT s.id FROM search_term s WHERE {tenant} AND {begins}"  # noqa: S608
        f" AND s.weight = {WHOLE_CODE}",
        tenant=of_resource(resource),
        begins=begins(whole),
    )

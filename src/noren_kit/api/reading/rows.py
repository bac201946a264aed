"""Reading a queryset's rows as a serializer shows them: compiled, or by the framework.

The queryset says which rows and in which order; the plan says what of them. The rows' ids are a
statement inside the plan's, so that an offset passes over an index and not over joins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet
from rest_framework import serializers

from noren_kit.api.reading.columns import Convert, NotCompilable
from noren_kit.api.reading.framework import for_serializer
from noren_kit.api.reading.instances import shower_of
from noren_kit.api.reading.plans import Plan, compile_plan
from noren_kit.api.reading.tables import quoted
from noren_kit.core import context
from noren_kit.core.conf import conf
from noren_kit.db.prepared import Question, fetch_all
from noren_kit.observability.logging import get_logger
from noren_kit.search.courses import Way
from noren_kit.search.narrowing import COUNTED, search_of
from noren_kit.search.narrowing import count as search_count
from noren_kit.tenancy.checks import is_tenant_model

_log = get_logger("noren.reading")


class ReadRow(NamedTuple):
    """What is shown of a row, and where it stands in its list's order."""

    shown: Any
    place: tuple[Any, ...]


class Counted(NamedTuple):
    """How many rows a list has, and whether there are more than that."""

    number: int
    more: bool = False


class Statement(NamedTuple):
    """One statement with its values, ready to be sent; `loads` make values of its order's terms."""

    text: str
    values: tuple[Any, ...]
    loads: tuple[Convert | None, ...] = ()

    def question(self, *, planned_anew: bool = False) -> Question:
        return Question(self.text, self.values, planned_anew)


@dataclass(frozen=True, slots=True)
class Representation:
    """A serializer and what is chosen of it: its `fields`, `omit` and `expand`, each sorted."""

    serializer_class: Any
    choices: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def only(self, members: Iterable[str]) -> Representation:
        """The same with these members alone."""
        others = [each for each in self.choices if each[0] not in ("fields", "omit")]
        chosen = ("fields", tuple(sorted(members)))
        return Representation(self.serializer_class, tuple(sorted([chosen, *others])))

    def serializer(self) -> Any:
        """Raises `InvalidInput` for a choice that the serializer does not offer."""
        return self.serializer_class(**{name: list(value) for name, value in self.choices})


@lru_cache(maxsize=1024)
def plan_for(representation: Representation) -> Plan | None:
    """The plan of a representation, None where there is none, which is logged once.

    Kept for good: serializers don't change while a process runs. Raises `InvalidInput` as
    `Representation.serializer` does.
    """
    try:
        return compile_plan(representation.serializer())
    except NotCompilable as error:
        name = representation.serializer_class.__name__
        _log.warning("not_compiled", serializer=name, reason=str(error))
        return None


def statement_of(plan: Plan, queryset: QuerySet[Any], terms: Sequence[str] = ()) -> Statement:
    """What reads the rows of `queryset` by `plan`, with the values of its order's `terms`.

    Raises Django's `EmptyResultSet` where the queryset knows that it holds nothing.
    """
    names = [term.removeprefix("-") for term in terms]
    model, base = plan.model, plan.base
    own = {each.name: str(each.column) for each in model._meta.concrete_fields}
    # What the row itself holds need not pass through the list of ids, which an index may give.
    annotated = [name for name in names if name not in own or name in queryset.query.annotations]
    page, values = queryset.values_list("pk", *annotated).query.sql_with_params()
    places = {name: f"o{number}" for number, name in enumerate(annotated)}
    shown = [
        f"page.{places[name]}" if name in places else f"{base}.{quoted(own[name])}"
        for name in names
    ]
    tenant = f"{base}.tenant_id = %s AND " if is_tenant_model(model) else ""
    # Names and conditions of the models' own throughout; values stand apart.
    text = (
        f"SELECT {', '.join([plan.columns, *shown])}"  # noqa: S608
        " FROM (SELECT ids.*, row_number() OVER () AS at"
        f" FROM ({page}) AS ids ({', '.join(['id', *places.values()])})) AS page"
        f" JOIN {quoted(model._meta.db_table)} {base} ON {tenant}{base}.id = page.id{plan.joins}"
        " ORDER BY page.at"
    )
    of_tenant = (context.tenant_id(),) if tenant else ()
    loads = tuple(_load_of(queryset, name) for name in names)
    return Statement(text, (*plan.values, *values, *of_tenant), loads)


def _load_of(queryset: QuerySet[Any], name: str) -> Convert | None:
    """What makes Python's value of a column that is stored in another form."""
    found: Any = queryset.query.annotations.get(name)
    column = found.output_field if found is not None else queryset.model._meta.get_field(name)
    if not hasattr(column, "from_db_value"):
        return None
    return lambda value: column.from_db_value(value, None, None)


def count_statement(queryset: QuerySet[Any], end: int) -> Statement:
    """What counts the rows of `queryset`, as far as `end` at least and `MAX_COUNTED_ROWS` if more.

    Raises Django's `EmptyResultSet` for none for sure.
    """
    search = search_of(queryset)
    if search is not None and search.way is not Way.COLLECT:
        return Statement(*search_count(search, end))
    most = max(conf.MAX_COUNTED_ROWS if search is None else COUNTED, end)
    rows, values = queryset.order_by().values_list("pk").query.sql_with_params()
    text = (
        f"SELECT n, n > {most} FROM (SELECT count(*) AS n"  # noqa: S608  Django's own
        f" FROM (SELECT FROM ({rows}) AS ids LIMIT {most + 1}) AS found) AS counted"
    )
    return Statement(text, values)


def count_rows(queryset: QuerySet[Any], end: int) -> Counted:
    """The number of rows. What is searched for decides how best to count, so it is planned anew."""
    try:
        statement = count_statement(queryset, end)
    except EmptyResultSet:
        return Counted(0)
    return fetch_count(statement)


def fetch_count(statement: Statement) -> Counted:
    """Send a statement of `count_statement`."""
    return Counted(*fetch_all(*statement.question(planned_anew=True))[0])


def read_compiled(plan: Plan, statement: Statement) -> list[ReadRow]:
    """Send a statement of `statement_of`."""
    return shaped(plan, statement, fetch_all(statement.text, statement.values))


def shaped(plan: Plan, statement: Statement, rows: Sequence[Sequence[Any]]) -> list[ReadRow]:
    """What is shown of the rows that a statement of `statement_of` has found."""
    shape, loads = plan.shape, statement.loads
    if not loads:
        return [ReadRow(shape(row), ()) for row in rows]
    found = []
    for row in rows:
        places = zip(loads, row[-len(loads) :], strict=True)
        place = tuple(load(value) if load else value for load, value in places)
        found.append(ReadRow(shape(row), place))
    return found


def ids_statement(plan: Plan, ids: Sequence[str]) -> Statement:
    """What reads the rows with these ids by a plan of a tenant's model."""
    base, table = plan.base, quoted(plan.model._meta.db_table)
    text = (
        f"SELECT {plan.columns}, page.id::text"  # noqa: S608  names of the model's own
        f" FROM unnest(%s::uuid[]) AS page (id)"
        f" JOIN {table} {base} ON {base}.tenant_id = %s AND {base}.id = page.id{plan.joins}"
    )
    return Statement(text, (*plan.values, list(ids), context.tenant_id()))


def shaped_by_id(plan: Plan, rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """What is shown of the rows of `ids_statement`, by id."""
    return {row[-1]: plan.shape(row) for row in rows}


def read_ids(plan: Plan, ids: Sequence[str]) -> dict[str, Any]:
    """What a plan of a tenant's model shows of the rows with these ids, by id; one statement."""
    if not ids:
        return {}
    statement = ids_statement(plan, ids)
    return shaped_by_id(plan, fetch_all(statement.text, statement.values))


def read_by_framework(
    queryset: QuerySet[Any], serializer: serializers.BaseSerializer, terms: Sequence[str] = ()
) -> list[ReadRow]:
    """The same rows by Django's instances and the serializer itself."""
    names = ["pk" if term.removeprefix("-") == "id" else term.removeprefix("-") for term in terms]
    return [
        ReadRow(
            serializer.to_representation(row),
            tuple(getattr(row, _attribute(row, name)) for name in names),
        )
        for row in for_serializer(queryset, serializer)
    ]


def _attribute(row: Any, name: str) -> str:
    field = {each.name: each for each in row._meta.fields}.get(name)
    return field.attname if field else name


@lru_cache(maxsize=256)
def _shower(serializer_class: Any) -> Any:
    """Kept for good: a serializer that only shows has no state, and its fields take long."""
    return shower_of(serializer_class())


def represent(row: Any, serializer_class: Any) -> Any:
    """What a serializer shows of an instance at hand: the same as of one that is read."""
    return _shower(serializer_class)(row)


def read_rows(
    queryset: QuerySet[Any], representation: Representation, terms: Sequence[str] = ()
) -> list[ReadRow]:
    """The rows of `queryset` as `representation` shows them, and their places by `terms`."""
    plan = plan_for(representation)
    if plan is None:
        return read_by_framework(queryset, representation.serializer(), terms)
    try:
        statement = statement_of(plan, queryset, terms)
    except EmptyResultSet:
        return []
    return read_compiled(plan, statement)

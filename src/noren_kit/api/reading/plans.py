"""From a serializer to one statement and the loop that makes JSON's values of its rows.

A serializer says once which columns, joins and related rows it shows; that never changes between
two requests. So it is worked out once (`plan_for`) and kept: the columns as SQL, related rows as
aggregates of their own (two joins would multiply each other), and for each member a function of
the row. What can't be said so raises `NotCompilable`, and is read by Django REST framework.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from operator import itemgetter
from typing import Any

import orjson
from django.db import models
from django.db.models import Q
from rest_framework import serializers

from noren_kit.api.fields import ComputedField, PersonField
from noren_kit.api.reading.columns import Convert, NotCompilable, Wire, show_of, wire_of
from noren_kit.api.reading.related import order_of, related_rows
from noren_kit.api.reading.tables import Join, Tables, aliases, live

# Of one call (PostgreSQL documentation, "PostgreSQL Limits").
_MOST_ARGUMENTS = 100

Row = Sequence[Any]
Member = Callable[[Row], Any]
Shape = Callable[[Row], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a serializer's rows are read. `reads` are the columns, by model, that they come from."""

    model: type[models.Model]
    reads: frozenset[tuple[type[models.Model], str]]
    members: Mapping[str, frozenset[tuple[type[models.Model], str]]]
    shape: Shape
    columns: str
    values: tuple[Any, ...]
    base: str
    joins: str
    steps: tuple[Join, ...]

    @property
    def tables(self) -> frozenset[str]:
        """The tables that are read."""
        return frozenset(model._meta.db_table for model, _column in self.reads)


def compile_plan(serializer: serializers.BaseSerializer) -> Plan:
    """The plan of a serializer of a model; raises `NotCompilable`."""
    if not isinstance(serializer, serializers.ModelSerializer):
        raise NotCompilable(f"{type(serializer).__name__} is no serializer of a model")
    _refuse_own_ways(serializer)
    model = serializer.Meta.model
    work = _Select(model, aliases())
    members = work.members(serializer, ())
    return Plan(
        model=model,
        reads=frozenset(work.tables.reads),
        members={name: frozenset(reads) for name, reads in work.reads.items()},
        shape=_shape(members),
        columns=", ".join(work.selected) or "NULL",
        values=tuple(work.values),
        base=work.tables.base,
        joins="".join(f" {join}" for join in work.tables.joins),
        steps=tuple(work.tables.joins),
    )


def _shape(members: Sequence[tuple[str, Member]]) -> Shape:
    pairs = tuple(members)
    return lambda row: {name: member(row) for name, member in pairs}


def _refuse_own_ways(serializer: serializers.BaseSerializer) -> None:
    """A serializer that shows rows by code of its own is not read off its fields."""
    method = type(serializer).to_representation
    if method is not serializers.Serializer.to_representation:
        raise NotCompilable(f"{type(serializer).__name__} has its own to_representation")


class _Select:
    """The columns that one SELECT gathers, and where each of them lands in its rows."""

    def __init__(
        self, model: type[models.Model], names: Iterator[str], *, nested: bool = False
    ) -> None:
        self.tables, self.names, self.nested = Tables(model, names), names, nested
        self.selected: list[str] = []
        self.values: list[Any] = []
        self.reads: dict[str, set[tuple[type[models.Model], str]]] = {}
        self._places: dict[str, int] = {}

    def members(
        self, serializer: serializers.BaseSerializer, at: tuple[str, ...]
    ) -> list[tuple[str, Member]]:
        found = []
        for name, field in serializer.fields.items():  # type: ignore[attr-defined]
            if field.write_only:
                continue
            before, self.tables.reads = self.tables.reads, set()
            found.append((name, self._member(field, at)))
            if not at and not self.nested:
                self.reads[name] = self.tables.reads
            self.tables.reads = before | self.tables.reads
        return found

    def _place(self, sql: str) -> int:
        if sql not in self._places:
            self._places[sql] = len(self.selected)
            self.selected.append(sql)
        return self._places[sql]

    def _column(self, path: tuple[str, ...]) -> tuple[int, Any, Wire, bool]:
        located = self.tables.column(path)
        wire = wire_of(located.column)
        place = self._place(wire.sql.format(located.sql))
        return place, located.column, wire, located.may_miss

    def _member(self, field: serializers.Field, at: tuple[str, ...]) -> Member:
        if isinstance(field, ComputedField):
            return self._computed(field, at)
        source = () if field.source == "*" else tuple(str(field.source).split("."))
        if isinstance(field, PersonField):
            return self._person((*at, *source))
        if isinstance(field, serializers.ListSerializer | serializers.ManyRelatedField):
            return self._many(field, at, source)
        if isinstance(field, serializers.BaseSerializer):
            return self._one(field, at, source)
        return self._plain(field, at, source)

    def _may_miss(self, at: tuple[str, ...], path: Sequence[str]) -> bool:
        """Whether a relation of `path` may be null, from a row at `at` that is there itself."""
        model: Any = self.tables.table(at)[0]
        for name in path[:-1]:
            key = model._meta.get_field(name)
            if key.null:
                return True
            model = key.related_model
        return False

    def _plain(
        self, field: serializers.Field, at: tuple[str, ...], source: tuple[str, ...]
    ) -> Member:
        if type(field).get_attribute not in _USUAL_WAYS or isinstance(
            field, serializers.SerializerMethodField
        ):
            raise NotCompilable(f"{field.field_name} reads the row in a way of its own")
        place, column, _wire, _misses = self._column((*at, *source))
        if not field.allow_null and self._may_miss(at, source):
            raise NotCompilable(f"{field.field_name} is left out where its relation is null")
        if isinstance(column, models.ForeignKey):
            column = column.target_field
        return _shown(place, show_of(field, column))

    def _computed(self, field: ComputedField, at: tuple[str, ...]) -> Member:
        inputs: list[Member] = []
        for path in field.reads:
            place, _column, wire, _may_miss = self._column((*at, *path.split(".")))
            inputs.append(_shown(place, wire.load))
        made, shown = field.make, field.shown
        if len(inputs) == 1:
            only = inputs[0]
            return lambda row: shown(made(only(row)))
        return lambda row: shown(made(*[each(row) for each in inputs]))

    def _person(self, at: tuple[str, ...]) -> Member:
        who, username, name = (
            self._column((*at, column))[0] for column in ("id", "username", "name")
        )

        def person(row: Row) -> Any:
            identifier = row[who]
            if identifier is None:
                return None
            return PersonField.represent(identifier, row[username], row[name])

        return person

    def _one(
        self,
        serializer: serializers.BaseSerializer,
        at: tuple[str, ...],
        source: tuple[str, ...],
    ) -> Member:
        """A related row inside of this one, or a part of this one in an object of its own."""
        _refuse_own_ways(serializer)
        shape = _shape(self.members(serializer, (*at, *source)))
        if not source:
            return shape
        place, _column, _wire, _misses = self._column((*at, *source, "pk"))
        if not serializer.allow_null and self._may_miss(at, (*source, "pk")):
            raise NotCompilable(f"{serializer.field_name} is left out where its relation is null")
        return lambda row: None if row[place] is None else shape(row)

    def _many(
        self,
        field: serializers.ListSerializer | serializers.ManyRelatedField,
        at: tuple[str, ...],
        source: tuple[str, ...],
    ) -> Member:
        if len(source) != 1:
            raise NotCompilable(f"{field.field_name} lists what another row holds")
        model, holder, _may_miss = self.tables.table(at)
        rows = related_rows(model, source[0])
        below = _Select(rows.model, self.names, nested=True)
        shape = below.listed(field)
        if len(below.selected) > _MOST_ARGUMENTS:
            raise NotCompilable(f"{field.field_name} shows more columns than a function takes")
        base = below.tables.base
        origin, condition = rows.origin(base, holder, self.names)
        conditions = [condition, *live(rows.model, base)]
        meta = getattr(getattr(field, "child", None), "Meta", None)
        wanted, values = _equalities(below.tables, getattr(meta, "shown", Q()))
        order = _order_sql(below.tables, order_of(rows.model, field))
        most = getattr(meta, "most", None)
        inner = (
            f"SELECT json_build_array({', '.join(below.selected)}) AS r FROM {origin}"  # noqa: S608
            + "".join(f" {join}" for join in below.tables.joins)
            + f" WHERE {' AND '.join([*conditions, *wanted])} ORDER BY {order}"
            + (f" LIMIT {int(most)}" if most is not None else "")
        )
        text = "" if self.nested else "::text"
        self.tables.reads |= below.tables.reads | rows.reads
        aggregate = f"(SELECT coalesce(json_agg(r), '[]'){text} FROM ({inner}) AS rows)"  # noqa: S608
        if aggregate not in self._places:
            self.values += [*below.values, *values]
        place = self._place(aggregate)
        if self.nested:
            return lambda row: [shape(each) for each in row[place]]
        return lambda row: [shape(each) for each in orjson.loads(row[place])]

    def listed(
        self, field: serializers.ListSerializer | serializers.ManyRelatedField
    ) -> Callable[[Row], Any]:
        """What is shown of each related row."""
        if isinstance(field, serializers.ListSerializer):
            child: Any = field.child
            if type(field) is not serializers.ListSerializer:
                raise NotCompilable(f"{field.field_name} has a list serializer of its own")
            _refuse_own_ways(child)
            return _shape(self.members(child, ()))
        relation: Any = field.child_relation
        if type(relation).to_representation is serializers.SlugRelatedField.to_representation:
            path = tuple(relation.slug_field.split("__"))
        else:
            raise NotCompilable(f"{field.field_name} shows related rows in a way of its own")
        place, _column, wire, _may_miss = self._column(path)
        return _shown(place, wire.load)


# Of these two the first follows `source`, the second does so and spares the related row.
_USUAL_WAYS = (serializers.Field.get_attribute, serializers.RelatedField.get_attribute)


def _shown(place: int, convert: Convert | None) -> Member:
    if convert is None:
        return itemgetter(place)

    def member(row: Row) -> Any:
        value = row[place]
        return None if value is None else convert(value)

    return member


def _equalities(tables: Tables, wanted: Q) -> tuple[list[str], list[Any]]:
    """Conditions and their values for a `Q` of equalities that must all hold."""
    if wanted.negated or (len(wanted) > 1 and wanted.connector != Q.AND):
        raise NotCompilable("Meta.shown is more than equalities")
    conditions, values = [], []
    for child in wanted.children:
        if not isinstance(child, tuple) or "__" in child[0]:
            raise NotCompilable("Meta.shown is more than equalities")
        located = tables.column((child[0],))
        if child[1] is None:
            conditions.append(f"{located.sql} IS NULL")
            continue
        conditions.append(f"{located.sql} = %s")
        value = located.column.get_prep_value(child[1])
        values.append(value.value if isinstance(value, Enum) else value)
    return conditions, values


def _order_sql(tables: Tables, terms: Sequence[str]) -> str:
    parts = []
    for term in terms:
        located = tables.column(tuple(term.removeprefix("-").split("__")))
        parts.append(f"{located.sql} DESC" if term.startswith("-") else located.sql)
    return ", ".join(parts)

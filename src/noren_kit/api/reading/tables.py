"""The tables of one SELECT: a base, and what its columns are joined from, each once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from noren_kit.api.reading.columns import NotCompilable
from noren_kit.db.fields import TenantForeignKey
from noren_kit.tenancy.checks import is_tenant_model


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def aliases() -> Iterator[str]:
    """Names for the tables of one statement."""
    return (f"t{number}" for number in count())


@dataclass(frozen=True, slots=True)
class Located:
    """A column where it stands; `may_miss` where a row on the way to it may not be there."""

    sql: str
    column: models.Field[Any, Any]
    may_miss: bool


@dataclass(frozen=True, slots=True)
class Join:
    """A row that another one refers to: `holder`'s `key`, under the name `alias`."""

    model: type[models.Model]
    alias: str
    holder: str
    key: models.ForeignKey[Any, Any]
    may_miss: bool

    def __str__(self) -> str:
        table = quoted(self.model._meta.db_table)
        return f"{self.kind} {table} {self.alias} ON {matching(self.key, self.holder, self.alias)}"

    @property
    def kind(self) -> str:
        return "LEFT JOIN" if self.may_miss else "JOIN"


class Tables:
    """Finds columns by paths of foreign keys from `model`, joining as it goes.

    `reads` collects every column that was found, by its model.
    """

    def __init__(self, model: type[models.Model], names: Iterator[str]) -> None:
        self.model, self.names = model, names
        self.base = next(names)
        self.joins: list[Join] = []
        self.reads: set[tuple[type[models.Model], str]] = set()
        self._joined: dict[tuple[str, ...], tuple[type[models.Model], str, bool]] = {
            (): (model, self.base, False)
        }

    def column(self, path: Sequence[str]) -> Located:
        """The column at the end of `path`; raises `NotCompilable` where there is none."""
        *way, name = path
        model, alias, may_miss = self.table(tuple(way))
        column = _field(model, name)
        self.reads.add((model, column.name))
        return Located(f"{alias}.{quoted(str(column.column))}", column, may_miss)

    def table(self, way: tuple[str, ...]) -> tuple[type[models.Model], str, bool]:
        """The table at the end of a way of foreign keys, its alias, and whether it may miss."""
        if way in self._joined:
            return self._joined[way]
        model, alias, may_miss = self.table(way[:-1])
        key = _field(model, way[-1])
        if not isinstance(key, models.ForeignKey):
            raise NotCompilable(f"{model.__name__}.{way[-1]} is no foreign key")
        self.reads.add((model, key.name))
        target: type[models.Model] = key.related_model
        name, may_miss = next(self.names), may_miss or key.null
        self.joins.append(Join(target, name, alias, key, may_miss))
        self._joined[way] = target, name, may_miss
        return self._joined[way]


def matching(key: models.ForeignKey[Any, Any], holder: str, target: str) -> str:
    """The condition that the row `target` is the one that `holder` refers to by `key`."""
    column, referred = str(key.column), str(key.target_field.column)
    same = f"{target}.{quoted(referred)} = {holder}.{quoted(column)}"
    if not isinstance(key, TenantForeignKey):
        return same
    return f"{target}.tenant_id = {holder}.tenant_id AND {same}"


def live(model: type[models.Model], alias: str) -> list[str]:
    """The condition that leaves out soft-deleted rows, as the default manager does."""
    deletable = is_tenant_model(model) and any(
        field.name == "deleted_at" for field in model._meta.local_fields
    )
    return [f"{alias}.deleted_at IS NULL"] if deletable else []


def _field(model: type[models.Model], name: str) -> Any:
    if name == "pk":
        return model._meta.pk
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        raise NotCompilable(f"{model.__name__}.{name} is no column") from None
    if not field.concrete or field.many_to_many:
        raise NotCompilable(f"{model.__name__}.{name} is no column")
    return field

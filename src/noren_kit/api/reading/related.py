"""Rows that hang on another one: which they are, and in which order they are shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from noren_kit.api.reading.columns import NotCompilable
from noren_kit.api.reading.tables import matching, quoted


@dataclass(frozen=True, slots=True)
class RelatedRows:
    """Rows of `model` that refer to a row by `key`, or that `through` links to it."""

    model: type[models.Model]
    key: Any
    through: type[models.Model] | None = None
    far_key: Any = None

    @property
    def reads(self) -> set[tuple[type[models.Model], str]]:
        """The columns that the relation itself is read from."""
        found = {(self.key.model, self.key.name)}
        return found if self.far_key is None else {*found, (self.far_key.model, self.far_key.name)}

    def origin(self, base: str, parent: str, names: Iterator[str]) -> tuple[str, str]:
        """FROM what, and under which condition they belong to the row `parent`."""
        table = quoted(self.model._meta.db_table)
        if self.through is None:
            return f"{table} {base}", matching(self.key, base, parent)
        link = next(names)
        links = quoted(self.through._meta.db_table)
        origin = f"{links} {link} JOIN {table} {base} ON {matching(self.far_key, link, base)}"
        return origin, matching(self.key, link, parent)


def related_rows(model: type[models.Model], name: str) -> RelatedRows:
    """What stands behind the attribute `name` of a row; raises `NotCompilable`."""
    try:
        relation: Any = model._meta.get_field(name)
    except FieldDoesNotExist:
        raise NotCompilable(f"{model.__name__}.{name} is no relation") from None
    if relation.one_to_many:
        return RelatedRows(relation.related_model, relation.field)
    if relation.many_to_many and relation.concrete:
        through = relation.remote_field.through
        return RelatedRows(
            relation.related_model,
            through._meta.get_field(relation.m2m_field_name()),
            through,
            through._meta.get_field(relation.m2m_reverse_field_name()),
        )
    raise NotCompilable(f"{model.__name__}.{name} holds no rows of its own")


def order_of(model: type[models.Model], field: Any) -> list[str]:
    """The order in which a list of rows of `model` is shown, down to the last tie.

    A serializer's `Meta.ordering`, values by themselves, else the model's own order.
    """
    child = getattr(field, "child", None)
    slug = getattr(getattr(field, "child_relation", None), "slug_field", None)
    stated = getattr(getattr(child, "Meta", None), "ordering", None)
    own: Any = model._meta.ordering
    terms = list(stated or ([slug] if slug else own))
    names = {term.removeprefix("-") for term in terms}
    return terms if names & {"id", "pk"} else [*terms, "id"]

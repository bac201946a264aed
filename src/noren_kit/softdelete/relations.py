"""What hangs on a row, read off the foreign keys that refer to it.

A foreign key says by `on_delete` what becomes of its rows when the row that they refer to is
deleted: `PROTECT` refuses it, `CASCADE` lets them go along, `DO_NOTHING` keeps them as they are.
Rows without a life of their own (lines, links, ledgers) are never deleted softly: they hold no
row back from the bin, and are purged with it or keep it from being purged, by the same word.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import models

from noren_kit.tenancy.models import TenantModel, TenantRow


@dataclass(frozen=True, slots=True)
class Relation:
    """A foreign key from rows of `model`."""

    model: Any
    field: str
    column: str
    on_delete: Callable[..., Any]

    @property
    def is_resource(self) -> bool:
        """Whether its rows are deleted softly themselves."""
        return issubclass(self.model, TenantModel)


@lru_cache(maxsize=256)
def relations_to(model: type[models.Model]) -> tuple[Relation, ...]:
    """The foreign keys of tenants' rows that refer to rows of `model`, hidden ones included."""
    found = []
    for each in model._meta.get_fields(include_hidden=True):
        relation: Any = each
        is_key = relation.auto_created and (relation.one_to_many or relation.one_to_one)
        if is_key and not relation.concrete and issubclass(relation.related_model, TenantRow):
            field = relation.field
            found.append(
                Relation(relation.related_model, field.name, field.column, relation.on_delete)
            )
    return tuple(found)


@lru_cache(maxsize=256)
def targets_of(model: type[models.Model]) -> tuple[tuple[str, Any], ...]:
    """The foreign keys of `model` that must not refer to what is deleted, and their models."""
    return tuple(
        (field.attname, field.related_model)
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey)
        and isinstance(field.related_model, type)
        and issubclass(field.related_model, TenantModel)
        and field.remote_field.on_delete is not models.DO_NOTHING
    )

"""A row in every tenant table, made from the models alone.

Tests of isolation must cover a table that was added yesterday, so nothing here knows any model:
values follow from field types, references from foreign keys, and where a check constraint ties
numbers together, small numbers are tried until PostgreSQL agrees.
"""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import IntegrityError, models, transaction
from psycopg import errors as pg

from noren_kit.accounts.models import Role, User
from noren_kit.audit.models import AccessEntry, Change
from noren_kit.audit.recording import record
from noren_kit.core.ids import uuid7
from noren_kit.db.fields import FixedPointField, TenantField
from noren_kit.tenancy.checks import is_tenant_model, tenant_models
from noren_kit.tenancy.entering import enter

# Numbers that check constraints are tried with, the likeliest first.
_SMALL = (1, 0, 2, 3)
_MOST_TRIES = 5_000


class FillingError(RuntimeError):
    """No row of a model could be made; the message names it and says why."""


def in_dependency_order() -> list[type[models.Model]]:
    """Every tenant model after those that it refers to."""
    placed: list[type[models.Model]] = []
    waiting = tenant_models()
    while waiting:
        ready = [
            model
            for model in waiting
            if all(target in placed or target is model for target in _tenant_targets(model))
        ]
        if not ready:
            names = ", ".join(model._meta.label for model in waiting)
            raise FillingError(f"These models refer to each other in a circle: {names}")
        placed += ready
        waiting = [model for model in waiting if model not in ready]
    return placed


def tenant_references(model: type[models.Model]) -> list[Any]:
    """The foreign keys of a model to tenant tables."""
    return [
        field
        for field in model._meta.local_fields
        if isinstance(field.related_model, type) and is_tenant_model(field.related_model)
    ]


def _tenant_targets(model: type[models.Model]) -> list[type[models.Model]]:
    return [field.related_model for field in tenant_references(model)]


def _is_unique(model: type[models.Model], name: str) -> bool:
    return any(
        isinstance(each, models.UniqueConstraint) and name in each.fields
        for each in model._meta.constraints
    )


def _text(field: Any) -> str:
    if field.choices:
        return str(field.choices[0][0])
    return f"x{uuid.uuid4().hex}"[: field.max_length or 40]


_VALUES: list[tuple[type[models.Field[Any, Any]], Callable[[Any], Any]]] = [
    (ArrayField, lambda field: []),
    (models.EmailField, lambda field: f"{uuid.uuid4().hex}@example.com"),
    (models.CharField, _text),
    (models.TextField, lambda field: "text"),
    (models.UUIDField, lambda field: uuid7()),
    (models.JSONField, lambda field: {}),
    (models.BooleanField, lambda field: False),
    (models.DateTimeField, lambda field: dt.datetime.now(dt.UTC)),
    (models.DateField, lambda field: dt.datetime.now(dt.UTC).date()),
    (models.DurationField, lambda field: dt.timedelta(seconds=1)),
    (models.BinaryField, lambda field: b"x"),
]
_NUMBERS = (models.IntegerField, models.DecimalField, models.FloatField)


def _value(field: models.Field[Any, Any]) -> Any:
    for kind, make in _VALUES:
        if isinstance(field, kind):
            return make(field)
    raise FillingError(
        f"{field.model._meta.label}.{field.name}: no value is known for a"
        f" {type(field).__name__}; teach noren_kit.testing.filling one."
    )


def _new_person() -> User:
    return User.objects.create_user(f"filler-{uuid.uuid4().hex}")


def _new_entry() -> AccessEntry:
    """By the function that alone may write one."""
    record(AccessEntry.Kind.SIGNED_IN)
    entry: AccessEntry = AccessEntry.objects.latest("id")
    return entry


def _new_change() -> Change:
    """By writing something, which alone leaves one."""
    Role.objects.create(slug=f"x{uuid.uuid4().hex}", name="filler")
    change: Change = Change.objects.latest("id")
    return change


class Filler:
    """Makes rows of the entered tenant; `rows` holds one of each model, the first made."""

    def __init__(self) -> None:
        self.rows: dict[type[models.Model], Any] = {}

    def fill(self) -> dict[type[models.Model], Any]:
        """A row in every tenant table, each with all its references set, by model."""
        for model in in_dependency_order():
            self.rows[model] = self.save(model)
        return self.rows

    def save(self, model: type[models.Model]) -> Any:
        """One more row of `model`, referring to those of `rows`."""
        if model is AccessEntry:
            return _new_entry()
        if model is Change:
            return _new_change()
        refusal = ""
        for row in itertools.islice(self.candidates(model), _MOST_TRIES):
            try:
                with transaction.atomic():
                    row.save(force_insert=True)
            except IntegrityError as error:
                if not isinstance(error.__cause__, pg.CheckViolation | pg.UniqueViolation):
                    raise FillingError(f"{model._meta.label}: {error}") from error
                refusal = str(error)
            else:
                return row
        raise FillingError(
            f"{model._meta.label}: no row satisfies its constraints with the numbers"
            f" {_SMALL}; the last refusal was: {refusal}"
        )

    def candidates(self, model: type[models.Model]) -> Iterator[Any]:
        """Unsaved rows of `model`, alike but for their numbers."""
        fixed, numeric = self._values(model)
        for numbers in itertools.product(_SMALL, repeat=len(numeric)):
            chosen = {
                field.attname: Decimal(number)
                if isinstance(field, FixedPointField | models.DecimalField)
                else number
                for field, number in zip(numeric, numbers, strict=True)
            }
            yield model(**{**fixed, **chosen, "id": uuid7()})

    def _values(self, model: type[models.Model]) -> tuple[dict[str, Any], list[Any]]:
        fixed: dict[str, Any] = {}
        numeric: list[Any] = []
        for field in model._meta.local_fields:
            if isinstance(field, TenantField) or field.primary_key:
                continue
            if isinstance(field, models.ForeignKey):
                fixed[field.attname] = self._reference(model, field)
            elif isinstance(field, _NUMBERS):
                numeric.append(field)
            elif not field.null:
                fixed[field.attname] = _value(field)
        return fixed, numeric

    def _reference(self, model: type[models.Model], field: Any) -> Any:
        target = field.related_model
        if target is model:
            return self.rows[model].pk if model in self.rows else None
        if is_tenant_model(target):
            # What may be referred to once only needs a row of its own each time.
            used_up = model in self.rows and _is_unique(model, field.name)
            return (self.save(target) if used_up else self.rows[target]).pk
        return _new_person().pk if target is User else None


def fill_tenant(tenant_id: uuid.UUID) -> Filler:
    """A row in every table of a tenant; raises `FillingError`."""
    filler = Filler()
    with enter(tenant_id):
        filler.fill()
    return filler

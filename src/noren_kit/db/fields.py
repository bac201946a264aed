"""Model fields of the kit: fixed-point numbers, and the relations that keep tenants apart."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Combinable
from django.db.models.lookups import Exact
from django.db.models.sql.where import WhereNode

from noren_kit.core import context
from noren_kit.db.constraints import BinIndex, CompositeTenantForeignKey, TenantIsolation
from noren_kit.db.history import Recorded
from noren_kit.db.revisions import Revised
from noren_kit.db.versions import Versioned


def _declare(model: type[models.Model], constraint: models.BaseConstraint) -> None:
    """Add a constraint to a concrete model, so that autodetection carries it.

    Models that migrations rebuild (module `__fake__`) state their constraints themselves.
    """
    meta = model._meta
    if meta.abstract or model.__module__ == "__fake__":
        return
    if all(existing.name != constraint.name for existing in meta.constraints):
        # Isolation first: it makes the composite key that the others refer to.
        first = isinstance(constraint, TenantIsolation)
        meta.constraints = (
            [constraint, *meta.constraints] if first else [*meta.constraints, constraint]
        )
        meta.original_attrs["constraints"] = meta.constraints


def _declare_revised(model: type[models.Model], name: str) -> None:
    """By the class attributes `revises` and `counted_apart`; see `TenantRow`."""
    collection: str | None = getattr(model, "revises", "")
    if collection == "":
        return
    own = model._meta.db_table
    revised = Revised(
        name=name,
        collection=own if collection is None else collection,
        apart=getattr(model, "counted_apart", {}),
        live=collection is None,
    )
    _declare(model, revised)


def _declare_recorded(model: type[models.Model], name: str) -> None:
    """By `unrecorded`, `history_ignores`, `derived` and `history_masks`; see `TenantRow`."""
    if getattr(model, "unrecorded", ""):
        return
    recorded = Recorded(
        name=name,
        resource=model._meta.label_lower,
        ignored=sorted({*getattr(model, "history_ignores", ()), *getattr(model, "derived", ())}),
        masked=getattr(model, "history_masks", ()),
        by_row=bool(getattr(model, "history_ignores", ())),
    )
    _declare(model, recorded)


def _is_indexed(model: type[models.Model], fields: list[str]) -> bool:
    """Whether an index over all rows, of those that the model itself states, starts with these."""
    stated = [*model._meta.constraints, *model._meta.indexes]
    whole = [each for each in stated if getattr(each, "condition", None) is None]
    return any(list(getattr(each, "fields", ()))[: len(fields)] == fields for each in whole)


class FixedPointField(models.BigIntegerField):
    """A `Decimal` with at most `places` decimals, stored as a whole number in a bigint.

    Comparisons of bigint are leakproof, so range filters keep their index under row-level
    security; those of numeric are not (docs/guides/isolation.md).
    """

    places: ClassVar[int] = 0
    # What django-stubs takes the attribute's types from.
    _pyi_private_set_type: Decimal | int | str | Combinable  # type: ignore[assignment]
    _pyi_private_get_type: Decimal  # type: ignore[assignment]
    _pyi_lookup_exact_type: Decimal | int | str  # type: ignore[assignment]

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Decimal | None:
        if value is None:
            return None
        return Decimal(int(value)).scaleb(-self.places)

    def to_python(self, value: Any) -> Any:
        if value is None or isinstance(value, Decimal):
            return value
        return Decimal(str(value))

    def get_prep_value(self, value: Any) -> Any:
        if value is None or hasattr(value, "resolve_expression"):
            return value
        number = value if isinstance(value, Decimal) else Decimal(str(value))
        stored = number.scaleb(self.places)
        whole = stored.to_integral_value()
        if whole != stored:
            raise ValueError(f"{value} has more than {self.places} decimals.")
        return int(whole)

    def get_db_prep_value(
        self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        return value if prepared else self.get_prep_value(value)


class MoneyField(FixedPointField):
    """An amount in whole currency units with up to three decimals (ISO 4217's finest in use)."""

    places = 3


class RatingField(FixedPointField):
    """A mean of ratings with two decimals."""

    places = 2


class TenantField(models.ForeignKey):
    """The owner of a row. Declaring it puts the table under row-level security.

    `db_constraint=False` is for rows that follow from another tenant row, whose key says enough.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs.update(
            to="tenancy.Tenant",
            on_delete=models.PROTECT,
            related_name="+",
            default=context.tenant_id,
            editable=False,
            db_index=False,
        )
        super().__init__(**kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {k: v for k, v in kwargs.items() if k == "db_constraint"}

    def contribute_to_class(self, cls: type[models.Model], name: str, **kwargs: Any) -> None:  # type: ignore[override]
        super().contribute_to_class(cls, name, **kwargs)
        label = f"{cls._meta.app_label}_{cls._meta.model_name}"
        _declare(cls, TenantIsolation(name=f"{label}_isolation"))
        _declare_revised(cls, f"{label}_revised")
        _declare_recorded(cls, f"{label}_history")


class VersionField(models.IntegerField):
    """How often a row has changed, from 1; a trigger keeps it (noren_kit.db.versions).

    The model's `derived` and `counted_apart` columns are no changes of the row.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs.update(default=1, db_default=1, editable=False)
        super().__init__(**kwargs)

    def deconstruct(self) -> Any:
        name, path, args, _kwargs = super().deconstruct()
        return name, path, args, {}

    def contribute_to_class(self, cls: type[models.Model], name: str, **kwargs: Any) -> None:  # type: ignore[override]
        super().contribute_to_class(cls, name, **kwargs)
        derived = {*getattr(cls, "derived", ()), *getattr(cls, "counted_apart", ())}
        label = f"{cls._meta.app_label}_{cls._meta.model_name}"
        _declare(cls, Versioned(name=f"{label}_versioned", derived=sorted(derived)))


class TenantForeignKey(models.ForeignKey):
    """A reference to a row of the same tenant, which PostgreSQL itself enforces.

    Django's own constraint is left out for a composite one, and every join names the tenant
    on both sides.
    """

    def __init__(self, to: Any, on_delete: Any = models.PROTECT, **kwargs: Any) -> None:
        kwargs["db_constraint"] = False
        kwargs["db_index"] = False
        super().__init__(to, on_delete, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("db_constraint", None)
        kwargs.pop("db_index", None)
        return name, path, args, kwargs

    def contribute_to_class(self, cls: type[models.Model], name: str, **kwargs: Any) -> None:  # type: ignore[override]
        super().contribute_to_class(cls, name, **kwargs)
        label = f"{cls._meta.app_label}_{cls._meta.model_name}_{name}"
        served = _is_indexed(cls, ["tenant", name])
        _declare(
            cls, CompositeTenantForeignKey(name=f"{label}_in_tenant", field=name, index=not served)
        )

    def get_extra_restriction(self, alias: str, related_alias: str) -> WhereNode:
        here: Any = self.model._meta.get_field("tenant")
        there: Any = self.remote_field.model._meta.get_field("tenant")
        same: Any = Exact(there.get_col(alias), here.get_col(related_alias))
        return WhereNode([same])


class DeletedAtField(models.DateTimeField):
    """When a row went into the bin, null while it is live. Declaring it indexes the bin."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "null": True, "editable": False})

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, kwargs

    def contribute_to_class(self, cls: type[models.Model], name: str, **kwargs: Any) -> None:  # type: ignore[override]
        super().contribute_to_class(cls, name, **kwargs)
        _declare(cls, BinIndex(name=f"{cls._meta.app_label}_{cls._meta.model_name}_bin"))


class ActorField(models.ForeignKey):
    """The user who made a row, or with `on_update` the one who changed it last."""

    def __init__(self, *, on_update: bool = False, **kwargs: Any) -> None:
        self.on_update = on_update
        kwargs.setdefault("to", "accounts.User")
        kwargs.update(
            on_delete=models.PROTECT,
            related_name="+",
            null=True,
            editable=False,
            db_index=False,
        )
        super().__init__(**kwargs)

    def deconstruct(self) -> Any:
        name, path, args, _kwargs = super().deconstruct()
        return name, path, args, {"on_update": self.on_update}

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        actor = context.actor_id()
        unset = getattr(model_instance, self.attname) is None
        if actor is not None and (self.on_update or (add and unset)):
            setattr(model_instance, self.attname, actor)
        return getattr(model_instance, self.attname)

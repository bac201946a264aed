"""Tenants, and the base classes that put a model's rows under one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.lookups import Exact, IsNull
from django.db.models.sql.where import AND
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from noren_kit.core import context
from noren_kit.core.ids import uuid7
from noren_kit.core.money import Rounding
from noren_kit.db.constraints import unique_in_tenant
from noren_kit.db.fields import ActorField, DeletedAtField, TenantField, VersionField
from noren_kit.tenancy.validators import validate_currency, validate_locale, validate_time_zone


class Tenant(models.Model):
    """A shop, brand or business unit; the unit of isolation. A global table."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        SUSPENDED = "suspended", _("suspended")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=63, unique=True)
    name = models.CharField(max_length=200)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.ACTIVE)
    currency = models.CharField(max_length=3, default="JPY", validators=[validate_currency])
    standard_tax_rate = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        default=Decimal(10),
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("Per cent."),
    )
    tax_rounding = models.CharField(max_length=8, choices=Rounding.choices, default=Rounding.FLOOR)
    prices_include_tax = models.BooleanField(default=False)
    locale = models.CharField(max_length=8, default="en", validators=[validate_locale])
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    # The plan's rate limit for each credential; null for the installation's default.
    requests_per_hour = models.PositiveIntegerField(null=True, blank=True)
    # Whether a change must say by `If-Match` which version it is made of.
    require_if_match = models.BooleanField(default=False)
    # How long what was deleted can be restored; then it is removed for good.
    bin_retention_days = models.PositiveSmallIntegerField(
        default=30,
        db_default=30,
        validators=[MinValueValidator(1), MaxValueValidator(3_650)],
        help_text=_("Days."),
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class TenantQuerySet(models.QuerySet[Any]):
    """Adds what bulk writes must not forget."""

    def touch(self, **values: Any) -> int:
        """Update columns together with `updated_at` and `updated_by`; returns the row count."""
        if "updated_at" in {field.name for field in self.model._meta.fields}:
            values.setdefault("updated_at", timezone.now())
            values.setdefault("updated_by_id", context.actor_id())
        return self.update(**values)


class TenantManager(models.Manager.from_queryset(TenantQuerySet)):  # type: ignore[misc]
    """Names the tenant in every statement, in front of the policy that enforces it.

    Raises `TenantNotEntered` where no tenant is entered. Leaves out soft-deleted rows unless
    made with `deleted=True`.
    """

    def __init__(self, *, deleted: bool = False) -> None:
        super().__init__()
        self._deleted = deleted

    def get_queryset(self) -> Any:
        queryset = super().get_queryset()
        self._require(queryset.query, "tenant", Exact, context.tenant_id())
        if not self._deleted and issubclass(self.model, TenantModel):
            self._require(queryset.query, "deleted_at", IsNull, True)
        return queryset

    def _require(self, query: Any, name: str, condition: Any, value: Any) -> None:
        """As `filter` does, past its search for what a look-up may mean: this stands everywhere."""
        column = self.model._meta.get_field(name).get_col(query.get_initial_alias())
        query.where.add(condition(column, value), AND)


class TenantRow(models.Model):
    """A row that belongs to a tenant, without audit fields: links, lines, ledger entries.

    `revises` says whose revision a transaction raises that writes such rows: the name of a
    table, None for this one, which then counts its live rows too, or "" for nobody's.
    `counted_apart` maps columns to the collection that they belong to instead, for counters that
    change too often. `often_revised` says that the collection itself does: what is cached of
    others then has these columns spliced in (docs/guides/caching.md).

    Every write leaves a row of history, unless `unrecorded` says why none does.
    `history_ignores` are columns that others explain, a ledger or a counter's rows: an update of
    these alone leaves none, nor does one of `derived` columns. `history_masks` are columns whose
    values never enter it: secrets (docs/guides/history.md). All
    are names of columns, `brand_id` and not `brand`.
    """

    revises: ClassVar[str | None] = ""
    counted_apart: ClassVar[Mapping[str, str]] = {}
    often_revised: ClassVar[bool] = False
    unrecorded: ClassVar[str] = ""
    history_ignores: ClassVar[Sequence[str]] = ()
    history_masks: ClassVar[Sequence[str]] = ()

    tenant = TenantField()
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    objects: ClassVar[Any] = TenantManager()
    every: ClassVar[Any] = TenantManager(deleted=True)

    class Meta:
        abstract = True
        base_manager_name = "every"
        default_manager_name = "objects"


class TenantModel(TenantRow):
    """A resource of a tenant: audit fields and soft delete on top of isolation.

    `objects` sees live rows, `every` the deleted ones too. It has a revision of its own, and
    each row a `version`, which changes of `derived` columns (kept sums, moments of use) do not
    raise.
    """

    revises: ClassVar[str | None] = None
    derived: ClassVar[tuple[str, ...]] = ()

    version = VersionField()
    created_at = models.DateTimeField(auto_now_add=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True, editable=False)
    created_by = ActorField()
    updated_by = ActorField(on_update=True)
    deleted_at = DeletedAtField()

    class Meta(TenantRow.Meta):
        abstract = True


class Revision(TenantRow):
    """How often a collection of the tenant has changed, and how many live rows it has.

    Written by triggers, once in each transaction that changes the collection and as the last
    thing in it (noren_kit.db.revisions). `collection` is the name of a table.
    """

    unrecorded = "Counts the changes that history has."

    collection = models.CharField(max_length=63)
    number = models.BigIntegerField()
    live = models.BigIntegerField(default=0)

    class Meta(TenantRow.Meta):
        constraints = [unique_in_tenant("collection", among_live=False)]

    def __str__(self) -> str:
        return f"{self.collection}: {self.number}"


class GlobalRevision(models.Model):
    """How often a collection that all tenants share has changed. A global table.

    Names of people alone, so far: shown to their tenants as makers of rows.
    """

    collection = models.CharField(primary_key=True, max_length=63)
    number = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.collection}: {self.number}"

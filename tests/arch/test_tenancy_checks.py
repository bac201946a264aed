# ruff: noqa: DJ008  models of a moment
"""The system checks find each way of declaring a tenant's table without its isolation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.db import models
from django.test.utils import isolate_apps

from noren.catalog.models import Brand
from noren_kit.db.constraints import TenantIsolation, unique_in_tenant
from noren_kit.db.fields import TenantField, TenantForeignKey
from noren_kit.db.history import Recorded
from noren_kit.tenancy.checks import check_isolation, isolation_errors, tenant_models
from noren_kit.tenancy.models import TenantManager, TenantModel, TenantRow

Model = type[models.Model]


def sound() -> Model:
    class Sound(TenantModel):
        name = models.CharField(max_length=10)
        brand = TenantForeignKey(Brand)

        class Meta(TenantModel.Meta):
            app_label = "catalog"
            constraints = [
                unique_in_tenant("name"),
                models.UniqueConstraint(
                    models.F("tenant"), models.functions.Lower("name"), name="folded"
                ),
            ]

    return Sound


def without_history() -> Model:
    class Bare(TenantRow):
        class Meta(TenantRow.Meta):
            app_label = "catalog"

    Bare._meta.constraints = [
        each for each in Bare._meta.constraints if not isinstance(each, Recorded)
    ]
    return Bare


def with_a_reason() -> Model:
    class Bare(TenantRow):
        unrecorded = "Follows from other rows."

        class Meta(TenantRow.Meta):
            app_label = "catalog"

    return Bare


def history_of_a_secret() -> Model:
    class Keyed(TenantRow):
        secret_hash = models.CharField(max_length=10)

        class Meta(TenantRow.Meta):
            app_label = "catalog"

    return Keyed


def history_without_a_column_that_is_not_there() -> Model:
    class Odd(TenantRow):
        history_ignores = ("colour",)

        class Meta(TenantRow.Meta):
            app_label = "catalog"

    return Odd


def without_isolation() -> Model:
    class Bare(TenantRow):
        class Meta(TenantRow.Meta):
            app_label = "catalog"

    Bare._meta.constraints = [
        each for each in Bare._meta.constraints if not isinstance(each, TenantIsolation)
    ]
    return Bare


def plain_reference() -> Model:
    class Plain(TenantRow):
        brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="+")

        class Meta(TenantRow.Meta):
            app_label = "catalog"

    return Plain


def reference_without_constraint() -> Model:
    class Loose(TenantRow):
        brand = TenantForeignKey(Brand, related_name="+")

        class Meta(TenantRow.Meta):
            app_label = "catalog"

    Loose._meta.constraints = [
        each for each in Loose._meta.constraints if isinstance(each, TenantIsolation | Recorded)
    ]
    return Loose


def reference_from_outside() -> Model:
    class Outside(models.Model):
        brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="+")

        class Meta:
            app_label = "catalog"
            db_table = "accounts_user"

    return Outside


def unique_constraint() -> Model:
    class Everywhere(TenantRow):
        name = models.CharField(max_length=10)

        class Meta(TenantRow.Meta):
            app_label = "catalog"
            constraints = [models.UniqueConstraint(fields=["name"], name="everywhere")]

    return Everywhere


def unique_expression() -> Model:
    class Folded(TenantRow):
        name = models.CharField(max_length=10)

        class Meta(TenantRow.Meta):
            app_label = "catalog"
            constraints = [models.UniqueConstraint(models.functions.Lower("name"), name="folded")]

    return Folded


def unique_together() -> Model:
    class Together(TenantRow):
        name = models.CharField(max_length=10)
        code = models.CharField(max_length=10)

        class Meta(TenantRow.Meta):
            app_label = "catalog"
            unique_together = [("name", "code")]

    return Together


def unique_field() -> Model:
    class Single(TenantRow):
        name = models.CharField(max_length=10, unique=True)

        class Meta(TenantRow.Meta):
            app_label = "catalog"

    return Single


def of_nobody() -> Model:
    class Stray(models.Model):
        class Meta:
            app_label = "catalog"

    return Stray


def read_without_tenant() -> Model:
    class Wide(models.Model):
        tenant = TenantField()
        id = models.UUIDField(primary_key=True)

        objects = TenantManager()

        class Meta:
            app_label = "catalog"

    return Wide


PLANTS: list[tuple[Callable[[], Model], list[str]]] = [
    (sound, []),
    (without_isolation, ["noren.E001"]),
    (plain_reference, ["noren.E002"]),
    (reference_without_constraint, ["noren.E002"]),
    (reference_from_outside, ["noren.E002"]),
    (unique_constraint, ["noren.E003"]),
    (unique_expression, ["noren.E003"]),
    (unique_together, ["noren.E003"]),
    (unique_field, ["noren.E003"]),
    (of_nobody, ["noren.E004"]),
    (read_without_tenant, ["noren.E005"]),
    (without_history, ["noren.E010"]),
    (with_a_reason, []),
    (history_of_a_secret, ["noren.E010"]),
    (history_without_a_column_that_is_not_there, ["noren.E010"]),
]


@pytest.mark.parametrize(("plant", "codes"), PLANTS, ids=lambda each: getattr(each, "__name__", ""))
def test_each_planted_fault_is_found(plant: Callable[[], Model], codes: list[str]) -> None:
    with isolate_apps("noren.catalog"):
        found: list[Any] = isolation_errors([plant()])
    assert [each.id for each in found] == codes


def test_many_to_many_needs_a_table_of_the_tenants() -> None:
    """The table that Django makes by itself has no tenant."""
    with isolate_apps("noren.catalog"):

        class Linked(TenantRow):
            brands = models.ManyToManyField(Brand, related_name="+")

            class Meta(TenantRow.Meta):
                app_label = "catalog"

        made = Linked.brands.through
        codes = [each.id for each in isolation_errors([Linked, made])]
    assert "noren.E004" in codes


def test_the_installation_has_none() -> None:
    assert check_isolation(None) == []
    assert run_checks() == []


def test_the_checks_look_at_every_model() -> None:
    """Also at those that Django makes by itself."""
    assert {model._meta.label for model in tenant_models()} >= {
        "catalog.Product",
        "catalog.ProductTag",
        "orders.OrderLine",
        "outbox.Event",
        "accounts.MembershipRole",
    }
    made = [
        model for model in apps.get_models(include_auto_created=True) if model._meta.auto_created
    ]
    assert made == []

"""System checks: a tenant table that is declared without its isolation does not start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.core import checks
from django.db import models
from django.db.models import F

from noren_kit.db.constraints import CompositeTenantForeignKey, TenantIsolation
from noren_kit.db.fields import TenantField, TenantForeignKey
from noren_kit.db.history import recorded_as
from noren_kit.tenancy.models import TenantManager

# Tables without a tenant: tenants themselves, the revision of people's names, which all tenants
# show, people, sign-in sessions, the record of migrations.
GLOBAL_TABLES = frozenset(
    {
        "tenancy_tenant",
        "tenancy_globalrevision",
        "accounts_user",
        "accounts_signinsession",
        "accounts_failedsignin",
        "django_migrations",
    }
)
_TENANT = ("tenant", "tenant_id")
# In the name of a column: its values are nobody's to read later.
SECRET_WORDS = ("password", "secret", "digest", "token", "otp", "private_key", "api_key")


def is_tenant_model(model: type[models.Model]) -> bool:
    return any(isinstance(field, TenantField) for field in model._meta.local_fields)


def tenant_models() -> list[type[models.Model]]:
    """Every model whose rows belong to a tenant."""
    return [model for model in apps.get_models() if is_tenant_model(model)]


def _names_tenant(unique: models.UniqueConstraint) -> bool:
    plain = [each.deconstruct()[1][0] for each in unique.expressions if isinstance(each, F)]
    return bool({*unique.fields, *plain}.intersection(_TENANT))


def _unique_faults(model: type[models.Model]) -> Iterator[tuple[str, str]]:
    for unique in model._meta.constraints:
        if isinstance(unique, models.UniqueConstraint) and not _names_tenant(unique):
            yield "noren.E003", f"has {unique.name}, which is unique across tenants"
    for together in model._meta.unique_together:
        if not set(together).intersection(_TENANT):
            names = ", ".join(together)
            yield "noren.E003", f"has unique_together ({names}), which is unique across tenants"
    for field in model._meta.local_fields:
        if field.unique and not field.primary_key:
            yield "noren.E003", f"has {field.name}, which is unique across tenants"


def _history_faults(model: type[models.Model]) -> Iterator[tuple[str, str]]:
    recorded, reason = recorded_as(model), getattr(model, "unrecorded", "")
    if recorded is None and not reason:
        yield "noren.E010", "has no history, and `unrecorded` does not say why"
    if recorded is None:
        return
    if any(isinstance(each, TenantIsolation) and each.further for each in model._meta.constraints):
        yield "noren.E010", "has a history by id, and several rows of one id"
    columns = {str(field.column) for field in model._meta.local_fields}
    for name in sorted({*recorded.ignored, *recorded.masked} - columns):
        yield "noren.E010", f"has a history without {name}, which is no column"
    for name in sorted(columns - set(recorded.masked)):
        if any(word in name.lower() for word in SECRET_WORDS):
            yield "noren.E010", f"has a history of {name}, which `history_masks` does not name"


def _faults(model: type[models.Model]) -> Iterator[tuple[str, str]]:
    constraints = model._meta.constraints
    if not any(isinstance(item, TenantIsolation) for item in constraints):
        yield "noren.E001", "has a tenant but no TenantIsolation constraint"
    covered = {item.field for item in constraints if isinstance(item, CompositeTenantForeignKey)}
    for field in model._meta.local_fields:
        target = field.related_model
        if not (isinstance(target, type) and is_tenant_model(target)):
            continue
        if not isinstance(field, TenantForeignKey) or field.name not in covered:
            yield "noren.E002", f"refers to a tenant's row by {field.name}, not a TenantForeignKey"
    yield from _unique_faults(model)
    yield from _history_faults(model)
    for manager in (model._default_manager, model._base_manager):
        if not isinstance(manager, TenantManager):
            yield "noren.E005", f"is read by {type(manager).__name__}, which names no tenant"


def _global_faults(model: type[models.Model]) -> Iterator[tuple[str, str]]:
    if model._meta.db_table not in GLOBAL_TABLES:
        yield "noren.E004", "belongs to no tenant and is not listed as global"
    for field in model._meta.local_fields:
        if isinstance(field.related_model, type) and is_tenant_model(field.related_model):
            yield "noren.E002", f"refers to a tenant's row by {field.name} from outside of a tenant"


def isolation_errors(found: Iterable[type[models.Model]]) -> list[checks.CheckMessage]:
    """The faults of these models, as system check errors."""
    kept = [model for model in found if model._meta.managed and not model._meta.proxy]
    return [
        checks.Error(f"{model._meta.label} {fault}.", obj=model, id=code)
        for model in kept
        for code, fault in (_faults if is_tenant_model(model) else _global_faults)(model)
    ]


@checks.register("tenancy")
def check_isolation(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """E001: no isolation. E002: a reference across tenants. E003: unique across tenants.

    E004: a table outside of any tenant. E005: reads that name no tenant. E010: no history, or one
    of secrets.
    """
    return isolation_errors(apps.get_models(include_auto_created=True))

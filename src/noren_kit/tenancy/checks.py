"""System checks: a tenant table that is declared without its isolation does not start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core import checks
from django.db import models

from noren_kit.db.constraints import CompositeTenantForeignKey, TenantIsolation
from noren_kit.db.fields import TenantField, TenantForeignKey


def is_tenant_model(model: type[models.Model]) -> bool:
    return any(isinstance(field, TenantField) for field in model._meta.local_fields)


def tenant_models() -> list[type[models.Model]]:
    """Every model whose rows belong to a tenant."""
    return [model for model in apps.get_models() if is_tenant_model(model)]


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
    for unique in constraints:
        if isinstance(unique, models.UniqueConstraint) and "tenant" not in unique.fields:
            yield "noren.E003", f"has {unique.name}, which is unique across tenants"
    for field in model._meta.local_fields:
        if field.unique and not field.primary_key:
            yield "noren.E003", f"has {field.name}, which is unique across tenants"


@checks.register("tenancy")
def check_isolation(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """E001: no isolation. E002: a reference across tenants. E003: unique across tenants."""
    return [
        checks.Error(f"{model._meta.label} {fault}.", obj=model, id=code)
        for model in tenant_models()
        for code, fault in _faults(model)
    ]

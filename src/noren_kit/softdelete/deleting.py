"""Soft delete: the row stays for its history and leaves every list, look-up and unique rule."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone

from noren_kit.core.errors import InUse, NotFound
from noren_kit.tenancy.models import TenantModel


def live_referrers(row: TenantModel) -> list[str]:
    """Names of the models whose live rows refer to `row` and hold it (`on_delete=PROTECT`)."""
    found = []
    for relation in row._meta.related_objects:
        model: Any = relation.related_model
        if relation.on_delete is not models.PROTECT or not issubclass(model, TenantModel):
            continue
        if model._default_manager.filter(**{relation.field.name: row.pk}).exists():
            found.append(model._meta.model_name)
    return found


def soft_delete(row: TenantModel) -> None:
    """Delete `row` softly; raises `InUse` while live rows refer to it, `NotFound` if it is gone."""
    referrers = live_referrers(row)
    if referrers:
        raise InUse(details={"used_by": sorted(referrers)})
    manager: Any = type(row)._default_manager
    if not manager.filter(pk=row.pk).touch(deleted_at=timezone.now()):
        raise NotFound

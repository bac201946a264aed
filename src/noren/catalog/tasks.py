"""Scheduled upkeep of the catalogue."""

from __future__ import annotations

from celery import shared_task

from noren.catalog.services import follow_classes
from noren_kit.tenancy.entering import enter
from noren_kit.tenancy.models import Tenant


@shared_task(name="catalog.follow_tax_classes", ignore_result=True)
def follow_tax_classes() -> int:
    """Bring categories to the rates of the day, in all tenants; returns how many changed."""
    changed = 0
    for tenant in Tenant.objects.values_list("id", flat=True):
        with enter(tenant, suspended=True):
            changed += follow_classes()
    return changed

"""Scheduled upkeep of stock."""

from __future__ import annotations

from celery import shared_task

from noren.inventory.services import sweep_expired
from noren_kit.tenancy.entering import enter
from noren_kit.tenancy.models import Tenant


@shared_task(name="inventory.release_expired_holds", ignore_result=True)
def release_expired_holds() -> int:
    """Release what has run out in all tenants; returns the number of items freed."""
    freed = 0
    for tenant in Tenant.objects.values_list("id", flat=True):
        while True:
            with enter(tenant, suspended=True):
                found = sweep_expired()
            if not found:
                break
            freed += found
    return freed

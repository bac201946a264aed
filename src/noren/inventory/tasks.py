"""Scheduled upkeep of stock."""

from __future__ import annotations

from celery import shared_task

from noren.inventory.services import sweep_expired
from noren_kit.tenancy.upkeep import in_every_tenant


@shared_task(name="inventory.release_expired_holds")
def release_expired_holds() -> int:
    """Release what has run out in all tenants; returns the number of items freed."""
    return in_every_tenant(sweep_expired)

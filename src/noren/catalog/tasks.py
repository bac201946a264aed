"""Scheduled upkeep of the catalogue."""

from __future__ import annotations

from celery import shared_task

from noren.catalog.services import follow_classes
from noren_kit.tenancy.upkeep import in_every_tenant


@shared_task(name="catalog.follow_tax_classes")
def follow_tax_classes() -> int:
    """Bring categories to the rates of the day, in all tenants; returns how many changed."""
    return in_every_tenant(follow_classes)

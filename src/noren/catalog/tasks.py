"""Scheduled upkeep of the catalogue."""

from __future__ import annotations

import datetime as dt
import zoneinfo

from celery import shared_task
from django.utils import timezone

from noren.catalog.services import announce_running_low, follow_classes, sweep_images
from noren_kit.core import context
from noren_kit.files.keeping import BATCH
from noren_kit.tenancy.tasks import TenantTask
from noren_kit.tenancy.upkeep import in_every_tenant, queue_in_every_tenant, queue_the_next

DIGEST_HOUR = 7


@shared_task(name="catalog.follow_tax_classes")
def follow_tax_classes() -> int:
    """Bring categories to the rates of the day, in all tenants; returns how many changed."""
    return in_every_tenant(follow_classes)


@shared_task(name="catalog.sweep_all_images")
def sweep_all_images() -> int:
    """Ask for the sweep in every active tenant; returns their number."""
    return queue_in_every_tenant("catalog.sweep_images")


@shared_task(base=TenantTask, name="catalog.sweep_images", ignore_result=True)
def sweep_tenant_images() -> int:
    """Remove a batch of the tenant's pictures that no product names, and ask for the next one."""
    removed = sweep_images()
    if removed == BATCH:
        queue_the_next("catalog.sweep_images")
    return removed


@shared_task(name="catalog.low_stock_digests")
def low_stock_digests() -> int:
    """Ask for the digest in every active tenant; returns their number.

    Every hour, as it is seven in the morning somewhere else each time.
    """
    return queue_in_every_tenant("catalog.low_stock_digest")


@shared_task(base=TenantTask, name="catalog.low_stock_digest", ignore_result=True)
def low_stock_digest() -> bool:
    """Announce what runs low once a day, from seven in the morning on by the tenant's clock."""
    now: dt.datetime = timezone.localtime(
        timezone.now(), zoneinfo.ZoneInfo(context.tenant().time_zone)
    )
    return now.hour >= DIGEST_HOUR and announce_running_low(now.date())

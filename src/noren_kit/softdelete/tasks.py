"""Emptying the bins on a schedule: tenant by tenant, some rows in each transaction."""

from __future__ import annotations

from celery import shared_task

from noren_kit.observability.logging import get_logger
from noren_kit.softdelete.purging import BATCH, purge
from noren_kit.tenancy.tasks import TenantTask
from noren_kit.tenancy.upkeep import queue_in_every_tenant, queue_the_next

_log = get_logger("noren.bin")


@shared_task(name="softdelete.purge_bins")
def purge_bins() -> int:
    """Start a purge in every active tenant; returns their number."""
    return queue_in_every_tenant("softdelete.purge_bin")


@shared_task(base=TenantTask, name="softdelete.purge_bin", ignore_result=True)
def purge_bin() -> int:
    """Remove one batch of the tenant's overdue rows, and ask for the next one if it was full."""
    removed = purge()
    if removed:
        _log.info("bin_purged", rows=removed)
    if removed == BATCH:
        queue_the_next("softdelete.purge_bin")
    return removed

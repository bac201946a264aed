"""What runs on a schedule: answers that were kept long enough are removed."""

from __future__ import annotations

from celery import shared_task

from noren_kit.core import context
from noren_kit.core.ids import uuid7_text
from noren_kit.idempotency.keeping import sweep_expired
from noren_kit.tenancy.entering import TenantUnavailable, all_tenants, enter

BATCH = 1_000


@shared_task(name="idempotency.sweep", ignore_result=True)
def sweep() -> int:
    """Remove what has run out, tenant by tenant, in batches that commit; returns the number.

    Suspended tenants too: their answers run out all the same.
    """
    removed = 0
    with context.request_scope(uuid7_text()):
        for tenant_id in all_tenants():
            full = True
            while full:
                try:
                    with enter(tenant_id, suspended=True):
                        swept = sweep_expired(BATCH)
                except TenantUnavailable:  # Removed meanwhile.
                    break
                removed += swept
                full = swept == BATCH
    return removed

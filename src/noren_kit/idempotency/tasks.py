"""What runs on a schedule: answers that were kept long enough are removed."""

from __future__ import annotations

from functools import partial

from celery import shared_task

from noren_kit.idempotency.keeping import sweep_expired
from noren_kit.tenancy.upkeep import in_every_tenant

BATCH = 1_000


@shared_task(name="idempotency.sweep")
def sweep() -> int:
    """Remove what has run out in all tenants, in batches that commit; returns the number."""
    return in_every_tenant(partial(sweep_expired, BATCH))

"""Work that is owed to every tenant and that nobody asks for, on a schedule."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial

from django.db import transaction

from noren_kit.core import context
from noren_kit.core.ids import uuid7_text
from noren_kit.core.tasks import queue, tenant_headers
from noren_kit.tenancy.entering import TenantUnavailable, active_tenants, all_tenants, enter


def in_every_tenant(step: Callable[[], int]) -> int:
    """Repeat `step` in each tenant, suspended ones too, until it finds nothing to do.

    `step` says how much it did, in a transaction of its own each time; returns the sum.
    """
    done = 0
    with context.request_scope(uuid7_text()):
        for tenant_id in all_tenants():
            while found := _once(step, tenant_id):
                done += found
    return done


def queue_in_every_tenant(task: str) -> int:
    """Queue a `TenantTask` once for each active tenant; returns their number.

    A message that is lost costs nothing but time, if the next run finds the same work.
    """
    tenants = active_tenants()
    for tenant_id in tenants:
        queue(task, headers=tenant_headers(tenant_id))
    return len(tenants)


def queue_the_next(task: str) -> None:
    """Queue a `TenantTask` once more for the entered tenant, when what it has done is committed."""
    headers = tenant_headers(context.tenant_id(), context.request_id())
    transaction.on_commit(partial(queue, task, headers=headers))


def _once(step: Callable[[], int], tenant_id: uuid.UUID) -> int:
    try:
        with enter(tenant_id, suspended=True):
            return step()
    except TenantUnavailable:  # Removed meanwhile.
        return 0

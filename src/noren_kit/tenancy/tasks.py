"""Celery tasks inside a tenant: the message names it, the base class enters and leaves it."""

from __future__ import annotations

import uuid
from typing import Any

from celery import Task

from noren_kit.core import context
from noren_kit.core.context import TenantNotEntered
from noren_kit.core.ids import uuid7
from noren_kit.core.tasks import REQUEST_HEADER, TENANT_HEADER
from noren_kit.observability.tracing import TRACE_HEADER, span
from noren_kit.tenancy.entering import enter


class TenantTask(Task):
    """Runs in a transaction inside the tenant of the message's headers, and fails without one.

    Suspended tenants are entered too: what was promised before the suspension is kept.
    """

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        tenant_id = self.request.get(TENANT_HEADER)
        if tenant_id is None:
            raise TenantNotEntered
        request_id = self.request.get(REQUEST_HEADER) or str(uuid7())
        with (
            context.request_scope(request_id),
            context.running(f"task {self.name}"),
            span(f"task {self.name}", "CONSUMER", parent=self.request.get(TRACE_HEADER) or ""),
            enter(uuid.UUID(tenant_id), suspended=True),
        ):
            return super().__call__(*args, **kwargs)

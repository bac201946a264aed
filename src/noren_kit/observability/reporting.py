"""Errors reported to Sentry, without what they are none of Sentry's business.

What goes out is the exception's type with its stack, the route, ids of tenant, person and request,
and for scheduled tasks whether they ran. Bodies, headers, cookies, queries, variables of the stack
and what an error says, which may quote any of them or a row, stay here: the log has it.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

from noren_kit.core import context
from noren_kit.observability.masking import mask

FLUSH_SECONDS = 2
# Of what the SDK's integrations say of a request.
_KEPT_OF_REQUEST = ("method", "url")


def start_reporting(dsn: str, *, environment: str, release: str) -> None:
    """Report errors of this process and of those it forks; once, before the application."""
    import sentry_sdk
    from sentry_sdk.integrations.celery import CeleryIntegration
    from sentry_sdk.integrations.django import DjangoIntegration

    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        release=release,
        before_send=_before_send,  # type: ignore[arg-type]
        default_integrations=True,
        integrations=[
            DjangoIntegration(transaction_style="url", middleware_spans=False, signals_spans=False),
            CeleryIntegration(monitor_beat_tasks=True),
        ],
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        shutdown_timeout=FLUSH_SECONDS,
    )


def _before_send(
    event: MutableMapping[str, Any], hint: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    request = event.get("request") or {}
    event["request"] = {
        name: str(request[name]).partition("?")[0] for name in _KEPT_OF_REQUEST if name in request
    }
    for exception in (event.get("exception") or {}).get("values", ()):
        exception["value"] = ""
    for name in _OTHERS:
        event.pop(name, None)
    record = hint.get("log_record")
    if record is not None:
        event["logentry"] = {"message": _constant(record)}
    actor, tenant = context.actor(), context.tenant_or_none()
    event["user"] = {"id": str(actor.user_id)} if actor else {}
    event.setdefault("tags", {}).update(
        request_id=context.request_id(), tenant=str(tenant.id) if tenant else "none"
    )
    masked: MutableMapping[str, Any] = {
        **event,
        **{name: mask(event[name], depth=-_DEEP) for name in _TEXTS if name in event},
    }
    return masked


def _constant(record: logging.LogRecord) -> str:
    """What a line says wherever it is written: its event or its format, else its logger's name."""
    if isinstance(record.msg, dict):
        return str(record.msg.get("event", record.name))
    return record.msg if record.args else record.name


# Stacks are nested deeper than log lines.
_DEEP = 8
_TEXTS = ("exception", "logentry", "request", "contexts", "transaction", "threads")
_OTHERS = ("extra", "breadcrumbs", "message", "logentry")

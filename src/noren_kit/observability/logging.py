"""Structured logs on stdout: JSON for machines, coloured lines for people at a terminal.

Every line carries the request id, the tenant and the user of the moment.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import structlog

from noren_kit.core import context


def add_context(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Adds `request_id`, `tenant` and `user_id` where they are known."""
    if context.request_id():
        event.setdefault("request_id", context.request_id())
    tenant, actor = context.tenant_or_none(), context.actor()
    if tenant is not None:
        event.setdefault("tenant", tenant.slug)
    if actor is not None:
        event.setdefault("user_id", str(actor.user_id))
    return event


def logging_settings(*, json: bool, level: str) -> dict[str, Any]:
    """A value for Django's LOGGING, which also configures structlog."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        add_context,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if json
        else [
            structlog.dev.ConsoleRenderer(
                pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *renderer,
                ],
            }
        },
        "handlers": {"stdout": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stdout"], "level": level},
        "loggers": {
            "django.request": {"level": "ERROR"},
            "django.security.DisallowedHost": {"level": "CRITICAL"},
        },
    }


def get_logger(name: str) -> Any:
    """A structured logger; pass facts as keyword arguments."""
    return structlog.stdlib.get_logger(name)

"""Structured logs on stdout: JSON for machines, coloured lines for people at a terminal.

Every line carries the request id, the tenant and the user of the moment.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog

from noren_kit.core import context
from noren_kit.observability.masking import mask_event


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


class StructuredFormatter(structlog.stdlib.ProcessorFormatter):
    """Renders what structlog hands over, foreign records, and `log_facts`."""

    def __init__(self, *args: Any, json: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._json = json

    def format(self, record: logging.LogRecord) -> str:
        if self._json and isinstance(record, _FactsRecord):
            try:
                return orjson.dumps(record.msg).decode()
            except TypeError:
                pass  # Of a kind that JSON has not: the usual renderer writes its `repr`.
        return super().format(record)


class _FactsRecord(logging.LogRecord):
    """A line that is complete; it looks to any formatter as structlog's own do."""

    def __init__(self, logger: logging.Logger, line: MutableMapping[str, Any]) -> None:
        super().__init__(logger.name, logging.INFO, "", 0, line, None, None)
        self._logger, self._name = logger, "info"


def log_facts(name: str, event: str, **facts: Any) -> None:
    """`get_logger(name).info(event, **facts)` at a fifth of the cost: for every request's line.

    The same members in the same order, straight to the handlers.
    """
    logger = logging.getLogger(name)
    if not logger.isEnabledFor(logging.INFO):
        return
    line: MutableMapping[str, Any] = {**facts, "event": event}
    line = structlog.contextvars.merge_contextvars(logger, "info", line)
    line["level"], line["logger"] = "info", name
    line = add_context(logger, "info", line)
    line["timestamp"] = dt.datetime.now(dt.UTC).isoformat().replace("+00:00", "Z")
    logger.handle(_FactsRecord(logger, line))


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
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": StructuredFormatter,
                "json": json,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *_renderer(json=json),
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


def _renderer(*, json: bool) -> list[Any]:
    if json:
        return [
            structlog.processors.format_exc_info,
            mask_event,
            structlog.processors.JSONRenderer(),
        ]
    plain = structlog.dev.plain_traceback
    return [mask_event, structlog.dev.ConsoleRenderer(pad_event_to=0, exception_formatter=plain)]


def get_logger(name: str) -> Any:
    """A structured logger; pass facts as keyword arguments."""
    return structlog.stdlib.get_logger(name)

"""The outermost middleware: the request's id, its scope and its log line."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from noren_kit.core import context
from noren_kit.core.ids import uuid7_text
from noren_kit.observability.addresses import client_address
from noren_kit.observability.logging import get_logger, log_facts

HEADER = "X-Request-ID"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_log = get_logger("noren.request")


def request_identifier(offered: str | None) -> str:
    """The offered id where it has the accepted form, else a new one."""
    return offered if offered and _ACCEPTED.match(offered) else uuid7_text()


def finish(tasks: list[Callable[[], None]]) -> None:
    """Run what was left for after the request; its answer stands, whatever becomes of them."""
    for task in tasks:
        try:
            task()
        except Exception:
            _log.exception("after_request_failed")


def log_request(
    *, method: str | None, route: str | None, status: int, started: float, size: int | None
) -> None:
    """The line at the end of a request that began at `started` (`time.perf_counter`)."""
    duration = round((time.perf_counter() - started) * 1000, 1)
    log_facts(
        "noren.request",
        "request",
        method=method,
        route=route,
        status=status,
        duration_ms=duration,
        size=size,
    )


class RequestMiddleware:
    """Opens the request's context, closes it whatever happens, logs a line at the end."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        identifier = request_identifier(request.headers.get(HEADER))
        with context.request_scope(identifier, client_address(request)) as afterwards:
            response = self.get_response(request)
            finish(afterwards)
            response.headers[HEADER] = identifier
            if not request.path.startswith("/health/"):
                match = request.resolver_match
                log_request(
                    method=request.method,
                    route=match.route if match else None,
                    status=response.status_code,
                    started=started,
                    size=None if response.streaming else len(response.content),
                )
        return response

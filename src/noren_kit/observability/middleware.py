"""The outermost middleware: the request's id, its scope and its log line."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse

from noren_kit.core import context
from noren_kit.core.conf import conf
from noren_kit.core.ids import uuid7_text
from noren_kit.db.tally import tally
from noren_kit.observability.addresses import client_address
from noren_kit.observability.logging import get_logger, log_facts
from noren_kit.observability.masking import mask_repeated
from noren_kit.observability.metrics import count_answer
from noren_kit.observability.probes import PROBES
from noren_kit.observability.tracing import name_request

HEADER = "X-Request-ID"
_MOST_AGENT = 300
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


# Where what answers before the middleware leaves the request that it has begun and not answered.
BEGUN = "noren.request.begun"


class Watched(NamedTuple):
    """A request that has begun: when (`time.perf_counter`), and what this thread had sent then."""

    identifier: str
    started: float
    statements: int
    seconds: float
    agent: str


def begin(environ: Mapping[str, Any], identifier: str, address: str) -> Watched:
    """Note where a request stands at its start, and write the line that says so."""
    agent = mask_repeated(environ.get("HTTP_USER_AGENT", "")[:_MOST_AGENT])
    log_facts(
        "noren.request",
        "request_started",
        method=environ.get("REQUEST_METHOD"),
        path=environ.get("PATH_INFO", ""),
        client=address,
        user_agent=agent,
        request_id=identifier,
    )
    return Watched(identifier, time.perf_counter(), tally.statements, tally.seconds, agent)


def log_request(
    watched: Watched,
    *,
    method: str | None,
    route: str | None,
    status: int,
    size: int | None,
    cache: str | None = None,
) -> None:
    """Count the request, and write the line at its end; `cache` is its `Cache-Status`."""
    seconds = time.perf_counter() - watched.started
    sent, spent = tally.statements - watched.statements, tally.seconds - watched.seconds
    facts = {
        "method": method,
        "route": route,
        "status": status,
        "duration_ms": round(seconds * 1000, 1),
        "size": size,
        "client": context.client_address(),
        "user_agent": watched.agent,
        "statements": sent,
        "database_ms": round(spent * 1000, 1),
    }
    log_facts("noren.request", "request", **facts)
    name_request(method, route, status)
    if seconds >= conf.SLOW_REQUEST_SECONDS:
        _log.warning("slow_request", **facts)
    count_answer(
        route=route,
        method=method,
        status=status,
        seconds=seconds,
        sent=sent,
        database_seconds=spent,
        cache=cache,
    )


class RequestMiddleware:
    """Opens the request's context, closes it whatever happens, logs its start and its end."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun: Watched | None = request.META.pop(BEGUN, None)
        identifier = begun.identifier if begun else request_identifier(request.headers.get(HEADER))
        address = client_address(request)
        watched = begun
        if watched is None and not request.path.startswith(PROBES):
            watched = begin(request.META, identifier, address)
        with context.request_scope(identifier, address) as afterwards:
            response = self.get_response(request)
            finish(afterwards)
            response.headers[HEADER] = identifier
            if watched is not None:
                match = request.resolver_match
                log_request(
                    watched,
                    method=request.method,
                    route=match.route if match else None,
                    status=response.status_code,
                    size=None if response.streaming else len(response.content),
                    cache=response.headers.get("Cache-Status"),
                )
        return response

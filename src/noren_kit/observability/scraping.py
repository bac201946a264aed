"""`/metrics` for Prometheus: by a token on the web's port, or on a port of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe

from noren_kit.core.conf import conf
from noren_kit.observability.logging import get_logger
from noren_kit.observability.metrics import CONTENT_TYPE, exposition

_log = get_logger("noren.metrics")


def _is_scraper(authorization: str) -> bool:
    scheme, _space, token = authorization.partition(" ")
    return scheme.lower() == "bearer" and constant_time_compare(token.strip(), conf.METRICS_TOKEN)


@transaction.non_atomic_requests
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures for whoever shows METRICS_TOKEN; where there is none, there is no such page."""
    if not conf.METRICS_TOKEN:
        raise Http404
    if not _is_scraper(request.headers.get("Authorization", "")):
        return HttpResponse(status=401, headers={"WWW-Authenticate": 'Bearer realm="metrics"'})
    return HttpResponse(exposition(), content_type=CONTENT_TYPE)


class _Quiet(WSGIRequestHandler):
    # One scrape after the other: whoever connects and says nothing holds up the rest no longer.
    timeout = 5

    def log_message(self, format: str, *args: Any) -> None:
        """No line for a scrape."""


def _answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] != "/metrics":
        start_response("404 Not Found", [("Content-Length", "0")])
        return [b""]
    if conf.METRICS_TOKEN and not _is_scraper(environ.get("HTTP_AUTHORIZATION", "")):
        challenge = ("WWW-Authenticate", "Bearer")
        start_response("401 Unauthorized", [challenge, ("Content-Length", "0")])
        return [b""]
    body = exposition()
    start_response("200 OK", [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(body)))])
    return [body]


def serve_metrics() -> None:
    """Answer scrapes on METRICS_HOST:METRICS_PORT in a thread, for processes without a web.

    The port is a private one. Without METRICS_PORT nothing listens; a port that is taken is
    logged, for the work goes on without being watched.
    """
    if not conf.METRICS_PORT:
        return
    try:
        server = make_server(conf.METRICS_HOST, conf.METRICS_PORT, _answer, handler_class=_Quiet)
    except OSError as error:
        _log.error("metrics_port_taken", port=conf.METRICS_PORT, error=str(error))
        return
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()

"""Traces by OpenTelemetry: what a request, and all that follows from it, has waited for.

Nothing of it is imported, and nothing costs anything, unless `start_tracing` was called. Spans hold
routes, statements without their values, names of tasks and counts: no personal data. They are sent
by OTLP over HTTP (opentelemetry.io, "OTLP Specification"), by a thread of each process that has
some, and lost if nobody takes them.
"""

from __future__ import annotations

import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from noren_kit.db.tally import shown, watchers
from noren_kit.observability.probes import PROBES

# Of a Celery message (W3C Trace Context, section 3.2).
TRACE_HEADER = "traceparent"
_WRITES = re.compile(
    r"\b(INSERT|DELETE|(?<!FOR )(?<!KEY )UPDATE)(?: INTO| FROM)?\s+\"?(?!SET\b)(\w+)", re.IGNORECASE
)
_MOST_SUMMARY = 255
_SEND_SECONDS = 5
_DELAY_MILLISECONDS = 1_000


class _Tracing:
    """How this program traces; the exporter is each process's own."""

    endpoint = ""
    ratio = 1.0
    service = "noren"
    process = 0
    tracer: Any = None


_tracing = _Tracing()


def start_tracing(endpoint: str, *, ratio: float, service: str) -> None:
    """Send this share of all traces to the collector at `endpoint`, from now on.

    Processes that are forked later do as well.
    """
    _tracing.endpoint, _tracing.ratio, _tracing.service = endpoint.rstrip("/"), ratio, service
    watchers.append(_note_statement)


def is_on() -> bool:
    return bool(_tracing.endpoint)


def _tracer() -> Any:
    if _tracing.process != os.getpid():
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

        provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(_tracing.ratio)),
            resource=Resource.create({"service.name": _tracing.service}),
        )
        sender: Any = _Sender(f"{_tracing.endpoint}/v1/traces")
        provider.add_span_processor(
            BatchSpanProcessor(sender, schedule_delay_millis=_DELAY_MILLISECONDS)
        )
        _tracing.tracer, _tracing.process = provider.get_tracer("noren"), os.getpid()
    return _tracing.tracer


class _Sender:
    """A SpanExporter over urllib: the SDK's own brings a client that nothing else needs."""

    def __init__(self, url: str) -> None:
        self._url = url

    def export(self, spans: Sequence[Any]) -> Any:
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
        from opentelemetry.sdk.trace.export import SpanExportResult

        request = urllib.request.Request(  # noqa: S310  the operator's own address
            self._url,
            encode_spans(spans).SerializeToString(),
            {"Content-Type": "application/x-protobuf"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_SEND_SECONDS):  # noqa: S310
                return SpanExportResult.SUCCESS
        except (urllib.error.URLError, OSError):
            return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


@contextmanager
def span(
    name: str,
    kind: str = "INTERNAL",
    *,
    parent: str | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> Iterator[Any]:
    """A span around the block: None where there are none.

    `kind` is OpenTelemetry's. Of `parent`, where one is given (a `traceparent`, or empty for a
    trace of its own), else of the present one.
    """
    if not is_on():
        yield None
        return
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind, Status, StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    above = None
    if parent is not None:
        above = TraceContextTextMapPropagator().extract({TRACE_HEADER: parent}, Context())
    with _tracer().start_as_current_span(
        name,
        context=above,
        kind=SpanKind[kind],
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as made:
        try:
            yield made
        except Exception as error:
            # Without its message, which may quote a row.
            made.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def carried() -> str:
    """The `traceparent` by which others continue the present span; empty where there is none."""
    if not is_on():
        return ""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get(TRACE_HEADER, "")


def _present() -> Any:
    """The span that is going on, None where none is recorded."""
    if not is_on():
        return None
    from opentelemetry.trace import get_current_span

    found = get_current_span()
    return found if found.is_recording() else None


@lru_cache(maxsize=1024)
def summary(statement: str) -> str:
    """What a statement writes to, else its first word (`db.query.summary`, "Database spans")."""
    writes = dict.fromkeys(f"{verb.upper()} {table}" for verb, table in _WRITES.findall(statement))
    return " ".join(writes)[:_MOST_SUMMARY] or statement.lstrip().partition(" ")[0]


def _note_statement(statement: str, seconds: float) -> None:
    if _present() is None:
        return
    from opentelemetry.trace import SpanKind

    text, ended = shown(statement), time.time_ns()
    made = _tracer().start_span(
        f"postgresql {text.partition(' ')[0]}",
        kind=SpanKind.CLIENT,
        start_time=ended - int(seconds * 1e9),
        attributes={
            "db.system.name": "postgresql",
            "db.query.text": text,
            "db.query.summary": summary(statement),
        },
    )
    made.end(ended)


def name_request(method: str | None, route: str | None, status: int) -> None:
    """Name the request's span by its route, which is known at its end."""
    present = _present()
    if present is None:
        return
    present.update_name(f"{method} {route or 'unmatched'}")
    present.set_attribute("http.route", route or "unmatched")
    present.set_attribute("http.response.status_code", status)


def traced(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """A WSGI application with a span for each request; each begins a trace of its own.

    Probes and scrapes have none.
    """
    if not is_on():
        return application

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(PROBES):
            return application(environ, start_response)
        method = str(environ["REQUEST_METHOD"])
        facts = {"http.request.method": method}
        with span(method, "SERVER", parent="", attributes=facts):
            return application(environ, start_response)

    return call

"""Prometheus metrics of the kit. Labels are bounded: routes, classes and names, never ids."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from noren_kit.core import context
from noren_kit.observability.metrics_folder import VARIABLE

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# As prometheus_client has decided it.
FOLDER = os.environ.get(VARIABLE)
REGISTRY = CollectorRegistry()
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LONG = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0)


def counter(name: str, text: str, *labels: str) -> Counter:
    """A counter of this program; the name ends in `_total`."""
    return Counter(name, text, labels, registry=REGISTRY)


requests = counter(
    "noren_http_requests_total", "Requests answered.", "route", "method", "status", "tenant"
)
request_seconds = Histogram(
    "noren_http_request_duration_seconds",
    "Time from a request's arrival to its answer.",
    ("route", "method"),
    buckets=_FAST,
    registry=REGISTRY,
)
statements = counter("noren_database_statements_total", "Statements sent while answering.")
statement_seconds = counter(
    "noren_database_seconds_total", "Time that statements took while answering."
)
connections_open = Gauge(
    "noren_database_connections",
    "Connections to PostgreSQL that are held, or taken from a pool.",
    ("alias",),
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
connections_opened = counter(
    "noren_database_connections_opened_total", "Connections that were opened.", "alias"
)
cache_answers = counter(
    "noren_cache_answers_total", "Answers that may be kept: hit, miss or not_modified.", "result"
)
standby_reads = counter(
    "noren_standby_reads_total",
    "Answers made anew: by the standby, or by the primary as it was behind or away.",
    "from",
)
limits_refused = counter(
    "noren_limits_refused_total", "Requests over their caller's limit.", "limit"
)
outbox_depth = Gauge(
    "noren_outbox_deliveries_waiting",
    "Deliveries that nobody has handled yet.",
    multiprocess_mode="mostrecent",
    registry=REGISTRY,
)
outbox_lag = Gauge(
    "noren_outbox_lag_seconds",
    "Age of the oldest delivery that nobody has handled yet.",
    multiprocess_mode="mostrecent",
    registry=REGISTRY,
)
outbox_relayed = counter("noren_outbox_relayed_total", "Deliveries handed to the broker.")
tasks_queued = counter("noren_tasks_queued_total", "Tasks handed to the broker.", "task")
tasks = counter("noren_tasks_total", "Tasks that ended.", "task", "outcome")
task_seconds = Histogram(
    "noren_task_duration_seconds",
    "Time of a task's run.",
    ("task",),
    buckets=_LONG,
    registry=REGISTRY,
)


def tenant_class() -> str:
    """`none`, `standard`, or `agreed` for a tenant with a limit of its own."""
    tenant = context.tenant_or_none()
    if tenant is None:
        return "none"
    return "standard" if tenant.requests_per_hour is None else "agreed"


@lru_cache(maxsize=4096)
def _of_request(
    route: str | None, method: str | None, status: int, tenant: str
) -> tuple[Callable[[], None], Callable[[float], None]]:
    """Where such requests are counted: finding it costs more than counting."""
    labels = route or "unmatched", method if method in _METHODS else "other"
    counted = requests.labels(*labels, f"{status // 100}xx", tenant)
    return counted.inc, request_seconds.labels(*labels).observe


_of_cache = {each: cache_answers.labels(each).inc for each in ("hit", "miss", "not_modified")}


def count_answer(
    *,
    route: str | None,
    method: str | None,
    status: int,
    seconds: float,
    sent: int,
    database_seconds: float,
    cache: str | None,
) -> None:
    """Count one answered request; `cache` is its `Cache-Status`."""
    count, observe = _of_request(route, method, status, tenant_class())
    count()
    observe(seconds)
    if sent:
        statements.inc(sent)
        statement_seconds.inc(database_seconds)
    if cache is not None:
        _of_cache["not_modified" if status == 304 else "hit" if "hit" in cache else "miss"]()


def exposition() -> bytes:
    """All processes' figures in Prometheus's text format."""
    if FOLDER is None:
        return generate_latest(REGISTRY)
    for file in Path(FOLDER).glob("gauge_live*_*.db"):
        process = file.stem.rpartition("_")[2]
        if process.isdigit() and not _is_alive(int(process)):
            mark_process_dead(int(process), FOLDER)  # type: ignore[no-untyped-call]
    together = CollectorRegistry()
    MultiProcessCollector(together, FOLDER)  # type: ignore[no-untyped-call]
    return generate_latest(together)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def names() -> set[str]:
    """Every series that the program can expose, with the endings of histograms."""
    found: set[str] = set()
    collectors: dict[Any, Any] = REGISTRY._collector_to_names
    for each in collectors.values():
        found |= set(each)
    return found

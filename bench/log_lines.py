"""What the lines and the figures of one request cost: processor microseconds, in a loop.

.venv/bin/python bench/log_lines.py
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "noren.config.settings.tools")
os.environ.setdefault("LOG_JSON", "1")
import django

django.setup()

from noren_kit.core import context  # noqa: E402
from noren_kit.db.tally import note  # noqa: E402
from noren_kit.observability import metrics  # noqa: E402
from noren_kit.observability.logging import log_facts  # noqa: E402
from noren_kit.observability.middleware import begin, log_request  # noqa: E402

ROUNDS = 2_000
ENVIRON = {
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/api/v1/products/",
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
}


def microseconds(call: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        for _round in range(ROUNDS):
            call()
        best = min(best, time.process_time() - began)
    return best / ROUNDS * 1e6


def before() -> None:
    log_facts(
        "noren.request",
        "request",
        method="GET",
        route="api/v1/products/",
        status=200,
        duration_ms=0.5,
        size=4_000,
    )


def both() -> None:
    watched = begin(ENVIRON, "01930f2e-8c4a-7b1e-9a55-0242ac120002", "203.0.113.7")
    log_request(
        watched,
        method="GET",
        route="api/v1/products/",
        status=200,
        size=4_000,
        cache="noren; hit",
    )


def figures() -> None:
    metrics.count_answer(
        route="api/v1/products/",
        method="GET",
        status=200,
        seconds=0.0005,
        sent=1,
        database_seconds=0.0002,
        cache="noren; hit",
    )


def main() -> None:
    for handler in logging.getLogger().handlers:
        handler.setStream(open(os.devnull, "w"))  # type: ignore[attr-defined]  # noqa: SIM115
    with context.request_scope("01930f2e-8c4a-7b1e-9a55-0242ac120002", "203.0.113.7"):
        costs = {
            "one line, as before": microseconds(before),
            "both lines and figures": microseconds(both),
            "figures alone": microseconds(figures),
            "one statement's count": microseconds(lambda: note("SELECT 1", time.perf_counter())),
        }
    for name, cost in costs.items():
        print(f"{name:<24} {cost:6.2f} µs", file=sys.stderr)


if __name__ == "__main__":
    main()

"""What Celery tells of its tasks, counted by name and outcome."""

from __future__ import annotations

import time
from typing import Any

from celery import signals

from noren_kit.observability import metrics
from noren_kit.observability.scraping import serve_metrics


def _begin(task: Any = None, **kwargs: Any) -> None:
    task.request.noren_began = time.perf_counter()


def _end(task: Any = None, state: str | None = None, **kwargs: Any) -> None:
    began = getattr(task.request, "noren_began", None)
    metrics.tasks.labels(task.name, (state or "unknown").lower()).inc()
    if began is not None:
        metrics.task_seconds.labels(task.name).observe(time.perf_counter() - began)


def _queued(sender: Any = None, **kwargs: Any) -> None:
    metrics.tasks_queued.labels(str(sender)).inc()


def _serve(**kwargs: Any) -> None:
    serve_metrics()


def watch_tasks() -> None:
    """Count tasks from now on, and let the worker and beat answer scrapes."""
    signals.task_prerun.connect(_begin, weak=False)
    signals.task_postrun.connect(_end, weak=False)
    signals.after_task_publish.connect(_queued, weak=False)
    signals.worker_init.connect(_serve, weak=False)
    signals.beat_init.connect(_serve, weak=False)

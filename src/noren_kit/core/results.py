"""Where the states of tasks are kept, for people and monitors to look at."""

from __future__ import annotations

from typing import Any

from celery.backends.redis import RedisBackend


class UnwatchedResults(RedisBackend):
    """Redis, without a subscription to every task that is sent.

    Nobody waits for a result here, and a scheduler would hold on to the id of each task that it
    ever sent.
    """

    def on_task_call(self, producer: Any, task_id: str) -> None:
        pass

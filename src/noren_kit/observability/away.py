"""What may be away, as Redis: asked with little patience, then left alone for a while.

Nothing that lives there is worth an error or a hanging request. Whoever asks says what holds
instead of an answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from noren_kit.observability.logging import get_logger

TIMEOUT_SECONDS = 0.2
# After a failure it is left alone for a while, so that requests do not wait for it in turn.
PAUSE_SECONDS = 1.0

Answer = TypeVar("Answer")


def impatient_client(url: str) -> redis.Redis:
    """A client with connections of its own and short timeouts, which tries nothing twice.

    A command that was carried out and whose answer was lost would be carried out again, and the
    caller would wait. A forked process makes its own connections (redis-py).
    """
    return redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


class Patience:
    """Whether Redis, or what else fails by `errors`, is asked at the moment.

    Each failure is logged as `event`, once a pause.
    """

    def __init__(
        self,
        event: str,
        *,
        logger: str,
        errors: tuple[type[Exception], ...] = (redis.RedisError,),
    ) -> None:
        self._event, self._log, self._errors = event, get_logger(logger), errors
        self._lock = threading.Lock()
        self._away_until = 0.0

    @property
    def is_spent(self) -> bool:
        return time.monotonic() < self._away_until

    def ask(self, question: Callable[[], Answer]) -> Answer | None:
        """The answer; None while it is away, refuses, or is too slow."""
        if self.is_spent:
            return None
        try:
            return question()
        except self._errors as error:
            self._leave_alone(error)
            return None

    def _leave_alone(self, error: Exception) -> None:
        with self._lock:
            now = time.monotonic()
            if now >= self._away_until:
                self._away_until = now + PAUSE_SECONDS
                self._log.warning(self._event, error=str(error))

"""Commands that every request sends to Redis: packed beforehand, over a connection of the thread.

redis-py's way from a method to the socket costs four times what the exchange itself does. The
connection is redis-py's all the same: it signs in, selects, encrypts and times out as the client
was told to.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any

import redis

from noren_kit.observability.tracing import is_on, span


def packed(*commands: Sequence[str]) -> bytes:
    """Commands as they go over the wire (Redis serialization protocol specification)."""
    parts = []
    for command in commands:
        parts.append(b"*%d\r\n" % len(command))
        for word in command:
            raw = word.encode("utf-8", "surrogatepass")
            parts.append(b"$%d\r\n%b\r\n" % (len(raw), raw))
    return b"".join(parts)


class Exchange:
    """Sends packed commands as a client would; nothing is tried twice."""

    def __init__(self, client: redis.Redis) -> None:
        self._pool = client.connection_pool
        self._own = threading.local()

    def ask(self, commands: bytes, answers: int) -> list[Any]:
        """The answers to so many commands. Raises redis-py's errors, the first one's if several."""
        if is_on():
            with span("redis", "CLIENT", attributes={"db.system.name": "redis"}):
                return self._ask(commands, answers)
        return self._ask(commands, answers)

    def _ask(self, commands: bytes, answers: int) -> list[Any]:
        connection = self._connection()
        try:
            connection.send_packed_command([commands], check_health=False)
            return [connection.read_response() for _ in range(answers)]
        except BaseException:
            # Answers may be left in it.
            connection.disconnect()
            raise

    def _connection(self) -> Any:
        """This thread's; a forked process makes its own, and what has ended is made anew."""
        connection = getattr(self._own, "connection", None)
        if connection is None or connection.pid != os.getpid():
            connection = self._pool.connection_class(**self._pool.connection_kwargs)
            self._own.connection = connection
        elif connection.is_connected and _is_over(connection):
            connection.disconnect()
        return connection


def _is_over(connection: Any) -> bool:
    """Whether the other side has closed it, or left something in it."""
    try:
        return bool(connection.can_read())
    except (redis.RedisError, OSError):
        return True

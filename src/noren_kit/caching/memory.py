"""Bodies in this process's memory: the least recently used make room."""

from __future__ import annotations

import threading
from collections import OrderedDict

# What Python needs for an entry beside key and body, about.
_OVERHEAD = 250


class LocalMemory:
    """At most so many bytes of bodies, for all threads of the process."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._held = most_bytes, 0
        self._bodies: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        with self._lock:
            body = self._bodies.get(key)
            if body is not None:
                self._bodies.move_to_end(key)
            return body

    def put(self, key: str, body: bytes) -> None:
        with self._lock:
            self._drop(key)
            self._bodies[key] = body
            self._held += _size(key, body)
            while self._held > self._most:
                self._drop(next(iter(self._bodies)))

    def _drop(self, key: str) -> None:
        body = self._bodies.pop(key, None)
        if body is not None:
            self._held -= _size(key, body)


def _size(key: str, body: bytes) -> int:
    return len(key) + len(body) + _OVERHEAD

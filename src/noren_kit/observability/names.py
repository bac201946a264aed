"""Names of servers, where the resolver may hang: nobody waits for it long.

No timeout of psycopg, redis-py or smtplib covers the resolving of a name: the C library takes as
long as resolv.conf says, by default 10 s (resolv.conf(5)), and one request may need several
connections. Here it has less. Where the resolver says nothing in time, or that it can't say, what
it said last goes on to be true (RFC 8767): a server that has moved meanwhile fails as it would
without an address. That there is no such name is an answer like any other.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from noren_kit.observability.logging import get_logger

# For a name that was resolved before, and for one that was not.
KNOWN_SECONDS, UNKNOWN_SECONDS = 0.5, 2.0
_MOST_NAMES = 256
_log = get_logger("noren.names")

Found = list[Any]
Key = tuple[Any, ...]
Resolve = Callable[..., Found]


class _Question:
    """Asked in a thread of its own. Its time counts once, for all who wait for it."""

    def __init__(self, ask: Callable[[], Found], seconds: float) -> None:
        self._ask, self._until = ask, time.monotonic() + seconds
        self.found: Found | None = None
        self.error: OSError | None = None
        self.is_told = False
        self._thread = threading.Thread(target=self._run, name="resolving", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self._run()  # There are no more threads: the interpreter ends, or the machine is full.

    def _run(self) -> None:
        try:
            self.found = self._ask()
        except OSError as error:
            self.error = error

    @property
    def is_open(self) -> bool:
        """Whether it still runs."""
        return self._thread.is_alive()

    def wait(self) -> None:
        """Until it is answered, or its time is over."""
        if self.is_open:
            self._thread.join(max(0.0, self._until - time.monotonic()))


class Names:
    """`socket.getaddrinfo` with an end, over the one that was there.

    It keeps the addresses of the `_MOST_NAMES` names that were resolved last.
    """

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._lock = threading.RLock()
        self._last: OrderedDict[Key, Found] = OrderedDict()
        self._asked: dict[Key, _Question] = {}
        os.register_at_fork(after_in_child=self._begin_anew)

    def _begin_anew(self) -> None:
        """Whoever held the lock, or asked, is not in the process that was forked."""
        self._lock, self._asked = threading.RLock(), {}

    def __call__(  # noqa: PLR0917  as the socket module has it
        self, host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> Found:
        key = (host, port, family, type, proto, flags)
        if _is_address(host):
            return self._resolve(*key)
        question = self._question(key)
        question.wait()
        if question.found is not None:
            return list(question.found)
        error = question.error or socket.gaierror(socket.EAI_AGAIN, "The resolver does not answer.")
        last = self._last.get(key)
        if last is None or error.errno != socket.EAI_AGAIN:
            raise error
        if not question.is_told:
            question.is_told = True
            _log.warning("resolver_away", name=host, error=str(error))
        return list(last)

    def _question(self, key: Key) -> _Question:
        """The one that is open, or a new one; late answers are kept as well."""

        def ask() -> Found:
            found = self._resolve(*key)
            with self._lock:
                self._last[key] = found
                self._last.move_to_end(key)
                while len(self._last) > _MOST_NAMES:
                    self._last.popitem(last=False)
            return found

        with self._lock:
            asked = self._asked.get(key)
            if asked is None or not asked.is_open:
                seconds = KNOWN_SECONDS if key in self._last else UNKNOWN_SECONDS
                self._asked = {name: each for name, each in self._asked.items() if each.is_open}
                asked = self._asked[key] = _Question(ask, seconds)
        return asked


def _is_address(host: Any) -> bool:
    """An address, or none: there is nothing to ask anybody."""
    try:
        ipaddress.ip_address(host or "::")
    except ValueError:
        return False
    return True


def bound_resolving() -> None:
    """Let every name of this process, and of those it forks, be resolved by `Names`.

    All clients come by `socket.getaddrinfo`, psycopg too, which gives libpq addresses.
    """
    if not isinstance(socket.getaddrinfo, Names):
        socket.getaddrinfo = Names(socket.getaddrinfo)

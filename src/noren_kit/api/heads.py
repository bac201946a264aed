"""What tells one request from another before it has been understood: its head.

The ids in a path are held apart: rows of one resource are answered alike, so one note of how
(`noren_kit.api.front`) is enough for all of them.
"""

from __future__ import annotations

import re
import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from django.conf import settings

from noren_kit.core.conf import conf

_MOST_DIGITS, _MOST_STANDINGS = 18, 64
# In the one form that `parse_id` reads and nothing changes; others are told apart as they stand.
_ID = re.compile(r"(?<=/)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=/)")
# What may change an answer and is part of no head here: these go the long way.
_UNUSUAL = frozenset(
    {
        "HTTP_ORIGIN",
        "HTTP_COOKIE",
        "HTTP_X_TENANT_ID",
        "HTTP_CONTENT_ENCODING",
        "HTTP_TRANSFER_ENCODING",
    }
)
_HEAD = (
    "wsgi.url_scheme",
    "HTTP_HOST",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PROTO",
    "SCRIPT_NAME",
    "QUERY_STRING",
    "HTTP_ACCEPT",
    "HTTP_ACCEPT_LANGUAGE",
)


Facts = tuple[str | None, ...]


class Head(NamedTuple):
    """A request's head but for the ids in its path, and these."""

    facts: Facts
    ids: tuple[str, ...]


def ids_in(path: str) -> tuple[str, ...]:
    return tuple(_ID.findall(path))


def with_ids(path: str, ids: Sequence[str]) -> str:
    """The same path, or address, with these ids in the places of its own."""
    if not ids:
        return path
    following = iter(ids)
    return _ID.sub(lambda _found: next(following), path)


def head_of(environ: Mapping[str, Any]) -> Head | None:
    """The head of a request, None for those that always go the long way."""
    if environ["REQUEST_METHOD"] != "GET" or "HTTP_AUTHORIZATION" not in environ:
        return None
    if environ.get("CONTENT_LENGTH") not in (None, "", "0"):
        return None
    if not _UNUSUAL.isdisjoint(environ):
        return None
    path = str(environ["PATH_INFO"])
    ids = ids_in(path)
    secure: Sequence[str] | None = settings.SECURE_PROXY_SSL_HEADER
    names = (*_HEAD, secure[0]) if secure else _HEAD
    # No path holds what stands for an id here: it would not be one.
    shape = _ID.sub("\0", path) if ids else path
    return Head((shape, *map(environ.get, names)), ids)


def head_of_write(environ: Mapping[str, Any]) -> Facts | None:
    """The head of a request that makes a row, None for those that always go the long way."""
    if environ["REQUEST_METHOD"] != "POST" or "HTTP_AUTHORIZATION" not in environ:
        return None
    if environ.get("CONTENT_TYPE") != "application/json" or not _UNUSUAL.isdisjoint(environ):
        return None
    if "HTTP_IF_MATCH" in environ:
        return None  # Nothing new has a version; the view says so.
    length, path = environ.get("CONTENT_LENGTH") or "", str(environ["PATH_INFO"])
    if not (length.isascii() and length.isdigit()) or len(length) > _MOST_DIGITS:
        return None
    # Rows under another resource: which one is no part of what is remembered.
    if not 0 < int(length) <= conf.MAX_BODY_BYTES or not path.isascii() or ids_in(path):
        return None
    secure: Sequence[str] | None = settings.SECURE_PROXY_SSL_HEADER
    names = (*_HEAD, secure[0]) if secure else _HEAD
    return ("POST", path, *map(environ.get, names))


def shared(facts: Facts) -> Facts:
    """The same, its parts shared with other heads where these say the same."""
    return tuple([None if part is None else sys.intern(str(part)) for part in facts])


_Standing = tuple[Any, ...]
_Known = TypeVar("_Known")


class Noted(NamedTuple, Generic[_Known]):
    """What is noted of a head by standing; `binds` says whether that names the caller."""

    binds: bool
    known: dict[_Standing, _Known]


class Notes(Generic[_Known]):
    """What this process has noted of its answers, by head.

    It keeps the `most` heads that were noted last, and of each a bounded number of standings.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._heads: OrderedDict[Facts, Noted[_Known]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, facts: Facts) -> Noted[_Known] | None:
        return self._heads.get(facts)

    def note(
        self, facts: Facts, standing: _Standing, known: _Known, *, binds: bool = False
    ) -> None:
        """Note it; `facts` must be `shared`, and `binds` the same for all of a head."""
        with self._lock:
            noted = self._heads.setdefault(facts, Noted(binds, {})).known
            noted[standing] = known
            self._heads.move_to_end(facts)
            while len(noted) > _MOST_STANDINGS:
                del noted[next(iter(noted))]
            while len(self._heads) > self._most:
                self._heads.popitem(last=False)

"""The short way to an answer that is kept: before the framework, with all that is owed.

The first time an answer is given the long way, through middleware, routes and view, the head of
its request and its caller's standing are noted here, with the headers that it got. Whoever asks
the very same in the very same standing is then signed in, entered and counted as ever, and given
the body of the present revisions; where that is not kept, or anything is out of the ordinary, the
long way goes on (docs/guides/caching.md).
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from rest_framework.exceptions import APIException

from noren_kit.accounts.authentication import CredentialAuthentication
from noren_kit.api.answer_keys import Seed, key_of, standing_of, tag_in, tagged
from noren_kit.api.limiting import headers_of
from noren_kit.api.middleware import oversize
from noren_kit.caching.store import store
from noren_kit.core import context
from noren_kit.core.errors import AppError
from noren_kit.limits.counting import Reading, counter
from noren_kit.limits.policies import caller_limit
from noren_kit.observability.addresses import client_address
from noren_kit.observability.middleware import HEADER, finish, log_request, request_identifier

# What the view leaves in a request's environment, and what it finds there.
SEED, MISSED, REFUSED = "noren.answer.seed", "noren.answer.missed", "noren.answer.refused"
HIT = "noren; hit"

_MOST_HEADS = 8192
# What may change an answer and is part of no head here: these go the long way.
_UNUSUAL = (
    "HTTP_ORIGIN",
    "HTTP_COOKIE",
    "HTTP_X_TENANT_ID",
    "HTTP_CONTENT_ENCODING",
    "HTTP_TRANSFER_ENCODING",
)
_HEAD = (
    "wsgi.url_scheme",
    "HTTP_HOST",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PROTO",
    "SCRIPT_NAME",
    "PATH_INFO",
    "QUERY_STRING",
    "HTTP_ACCEPT",
    "HTTP_ACCEPT_LANGUAGE",
)
# Of each answer anew.
_OWN_HEADERS = frozenset(
    {"etag", "content-length", "cache-status", "ratelimit", "ratelimit-policy", HEADER.lower()}
)
_OF_BODIES = frozenset({"content-type"})

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class _Headers:
    """A request's headers, one at a time."""

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def get(self, name: str, default: str | None = None) -> Any:
        return self._environ.get(f"HTTP_{name.upper().replace('-', '_')}", default)


class _Asked:
    """As much of a request as signing in and finding its address look at."""

    method = "GET"

    def __init__(self, environ: dict[str, Any]) -> None:
        self.META, self.headers = environ, _Headers(environ)


class Known(NamedTuple):
    """An answer that was given: from what its keys follow, and its headers but for its own."""

    seed: Seed
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """What to answer: a body, or none where the client has it."""

    known: Known
    tag: str
    body: bytes | None


def _head_of(environ: Mapping[str, Any]) -> bytes | None:
    if environ["REQUEST_METHOD"] != "GET" or "HTTP_AUTHORIZATION" not in environ:
        return None
    if environ.get("CONTENT_LENGTH") not in (None, "", "0"):
        return None
    if any(name in environ for name in _UNUSUAL):
        return None
    parts = [str(environ.get(name, "\0")) for name in _HEAD]
    secure: Sequence[str] | None = settings.SECURE_PROXY_SSL_HEADER
    if secure:
        parts.append(str(environ.get(secure[0], "\0")))
    return hashlib.blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Front:
    """The answers that this process has given, by the heads of their requests."""

    def __init__(self) -> None:
        # By head: whether the answer hangs on who asks, and what is known by standing.
        self._heads: OrderedDict[bytes, tuple[bool, dict[Any, Known]]] = OrderedDict()
        self._lock = threading.Lock()
        self._authentication = CredentialAuthentication()

    @staticmethod
    def head_of(environ: Mapping[str, Any]) -> bytes | None:
        """What tells one request from another, None for those that always go the long way."""
        return _head_of(environ)

    @staticmethod
    def seed_in(environ: Mapping[str, Any]) -> Seed | None:
        """What the view has left of an answer that may be given again."""
        seed: Seed | None = environ.get(SEED)
        return seed

    def remember(self, head: bytes, seed: Seed, headers: Iterable[tuple[str, str]]) -> None:
        kept = tuple(each for each in headers if each[0].lower() not in _OWN_HEADERS)
        if any(name.lower() == "set-cookie" for name, _value in kept):
            return
        with self._lock:
            _binds, by_standing = self._heads.setdefault(head, (seed.binds, {}))
            by_standing[seed.standing] = Known(seed, kept)
            self._heads.move_to_end(head)
            while len(self._heads) > _MOST_HEADS:
                self._heads.popitem(last=False)

    def answer(
        self, head: bytes, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes] | None:
        """The answer, given; None where the long way must give it."""
        entry = self._heads.get(head)
        asked: Any = _Asked(environ)
        if entry is None or oversize(asked):
            return None
        started = time.perf_counter()
        identifier = request_identifier(environ.get("HTTP_X_REQUEST_ID"))
        with context.request_scope(identifier, client_address(asked)) as afterwards:
            found = self._find(entry, asked, environ)
            reading = None if found is None else _counted(asked, environ)
            if found is None or reading is None:
                return None
            finish(afterwards)
            status, headers = _head_of_answer(found, reading, identifier)
            log_request(
                method="GET",
                route=found.known.seed.route,
                status=int(status[:3]),
                started=started,
                size=len(found.body or b""),
            )
        start_response(status, headers)
        return [found.body or b""]

    def _find(
        self, entry: tuple[bool, dict[Any, Known]], asked: Any, environ: dict[str, Any]
    ) -> _Found | None:
        try:
            signed_in = self._authentication.authenticate(asked)
        except (APIException, AppError, DatabaseError, InterfaceError):
            return None  # The long way says why.
        tenant, actor, revisions = context.tenant_or_none(), context.actor(), context.revisions()
        if signed_in is None or tenant is None or actor is None or not revisions:
            return None
        binds, by_standing = entry
        known = by_standing.get(standing_of(actor, binds=binds))
        if known is None:
            return None
        key = key_of(known.seed, tenant, revisions)
        tag = tag_in(environ.get("HTTP_IF_NONE_MATCH", ""), key)
        if tag is not None:
            return _Found(known, tag, None)
        kept = store().get(key)
        if kept is None:
            environ[MISSED] = key
            return None
        return _Found(known, *tagged(key, kept))


def _counted(asked: Any, environ: dict[str, Any]) -> Reading | None:
    """Count the request; over the limit it is the long way that refuses it, uncounted."""
    reading = counter().count(*caller_limit(asked))
    if reading.allowed:
        return reading
    environ[REFUSED] = reading
    return None


def _head_of_answer(
    found: _Found, reading: Reading, identifier: str
) -> tuple[str, list[tuple[str, str]]]:
    own = [
        ("ETag", f'"{found.tag}"'),
        ("Cache-Status", HIT),
        *headers_of(reading).items(),
        (HEADER, identifier),
    ]
    if found.body is not None:
        return "200 OK", [*found.known.headers, ("Content-Length", str(len(found.body))), *own]
    lasting = [each for each in found.known.headers if each[0].lower() not in _OF_BODIES]
    return "304 Not Modified", [*lasting, *own]

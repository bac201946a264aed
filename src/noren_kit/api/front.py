"""The short way to an answer that is kept: before the framework, with all that is owed.

The first time an answer is given the long way, through middleware, routes and view, the head of
its request and its caller's standing are noted here, with the headers that it got and how it was
made. Whoever asks the same in the very same standing is then signed in, entered and counted as
ever, and given the body of the present revisions, which is made by the recipe where it is not
kept; where there is none, or anything is out of the ordinary, the long way goes on
(docs/guides/caching.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import DatabaseError, InterfaceError
from rest_framework.exceptions import APIException

from noren_kit.accounts.authentication import CredentialAuthentication
from noren_kit.api.answer_keys import Seed, key_of, standing_of, tag_in, tagged
from noren_kit.api.heads import Head, Noted, Notes, head_of, ids_in, shared, with_ids
from noren_kit.api.limiting import headers_of
from noren_kit.api.middleware import oversize
from noren_kit.api.recipes import Recipe, Recipes
from noren_kit.caching.store import store
from noren_kit.core import context
from noren_kit.core.context import Revision, TenantInfo
from noren_kit.core.errors import AppError
from noren_kit.limits.counting import Reading, counter
from noren_kit.limits.policies import caller_limit
from noren_kit.observability.addresses import client_address
from noren_kit.observability.logging import get_logger
from noren_kit.observability.middleware import (
    BEGUN,
    HEADER,
    begin,
    finish,
    log_request,
    request_identifier,
)

# What the view finds in a request's environment: that how it answers is to be left there too; the
# key whose body is missing; that the request has been counted, and may pass or not.
WANTED, MISSED = "noren.answer.wanted", "noren.answer.missed"
COUNTED, REFUSED = "noren.answer.counted", "noren.answer.refused"
# What it leaves there.
LEFT = "noren.answer.left"
HIT, MISS = "noren; hit", "noren; fwd=miss"

_MOST_HEADS = 4096
# Of each answer anew.
OWN_HEADERS = frozenset(
    {"etag", "content-length", "cache-status", "ratelimit", "ratelimit-policy", HEADER.lower()}
)
_OF_BODIES = frozenset({"content-type"})

_log = get_logger("noren.front")
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


@lru_cache(maxsize=64)
def _variable(name: str) -> str:
    return f"HTTP_{name.upper().replace('-', '_')}"


class _Headers:
    """A request's headers, one at a time."""

    __slots__ = ("_environ",)

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def get(self, name: str, default: str | None = None) -> Any:
        return self._environ.get(_variable(name), default)


class Asked:
    """As much of a request as signing in and finding its address look at."""

    __slots__ = ("META", "headers", "method")

    def __init__(self, environ: dict[str, Any], method: str) -> None:
        self.META, self.headers, self.method = environ, _Headers(environ), method


class Left(NamedTuple):
    """What a view leaves of an answer that may be given again.

    Without a recipe there is none if it was `looked_for`.
    """

    seed: Seed
    tenant: TenantInfo
    recipe: Recipe | None
    looked_for: bool


class Known(NamedTuple):
    """An answer that was given: from what its keys follow, and its headers but for its own."""

    seed: Seed
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Asking:
    """Whoever has signed in, and the key of what they ask for."""

    known: Known
    key: str
    ids: tuple[str, ...]
    tenant: TenantInfo
    revisions: Mapping[str, Revision]
    recipe: Recipe | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """What to answer: a body, or none where the client has it."""

    known: Known
    tag: str
    body: bytes | None
    status: str = HIT


class Front:
    """The answers that this process has given, by the heads of their requests."""

    def __init__(self) -> None:
        self._notes: Notes[Known] = Notes(_MOST_HEADS)
        self._recipes = Recipes()
        self._authentication = CredentialAuthentication()

    @staticmethod
    def head_of(environ: Mapping[str, Any]) -> Head | None:
        """What tells one request from another, None for those that always go the long way."""
        return head_of(environ)

    def learn(
        self, head: Head, environ: Mapping[str, Any], headers: Iterable[tuple[str, str]]
    ) -> None:
        """Remember the answer that the long way has given with these headers, if it may be."""
        left: Left | None = environ.get(LEFT)
        kept = tuple(each for each in headers if each[0].lower() not in OWN_HEADERS)
        if left is None or any(name.lower() == "set-cookie" for name, _value in kept):
            return
        seed, ids = left.seed, head.ids
        if ids_in(seed.path) != ids or any(each in value for _name, value in kept for each in ids):
            return  # It would not do for other ids.
        facts = shared(head.facts)
        self._notes.note(facts, seed.standing, Known(seed, kept), binds=seed.binds)
        if left.looked_for:
            self._recipes.keep((facts, seed.standing, left.tenant), left.recipe)

    def answer(
        self, head: Head, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes] | None:
        """The answer, given; None where the long way must give it."""
        noted = self._notes.of(head.facts)
        asked: Any = Asked(environ, "GET")
        anything = environ.get("HTTP_IF_NONE_MATCH", "").strip() == "*"
        if noted is None or anything or oversize(asked):
            environ[WANTED] = True
            return None
        identifier = request_identifier(environ.get("HTTP_X_REQUEST_ID"))
        address = client_address(asked)
        # The long way goes on with it, if it must.
        watched = environ[BEGUN] = begin(environ, identifier, address)
        with context.request_scope(identifier, address) as afterwards:
            asking = self._sign_in(noted, head, asked, environ)
            found = None if asking is None else _kept(asking, environ)
            if asking is None or (found is None and asking.recipe is None):
                return None
            reading = count_asked(asked, environ)
            if reading is not None and found is None:
                found = _made(asking, environ)
            if found is None or reading is None:
                return None
            finish(afterwards)
            status, headers = _head_of_answer(found, reading, identifier)
            del environ[BEGUN]
            log_request(
                watched,
                method="GET",
                route=found.known.seed.route,
                status=int(status[:3]),
                size=len(found.body or b""),
                cache=found.status,
            )
        start_response(status, headers)
        return [found.body or b""]

    def _sign_in(
        self, noted: Noted[Known], head: Head, asked: Any, environ: dict[str, Any]
    ) -> _Asking | None:
        try:
            signed_in = self._authentication.authenticate(asked)
        except (APIException, AppError, DatabaseError, InterfaceError):
            return None  # The long way says why.
        tenant, actor, revisions = context.tenant_or_none(), context.actor(), context.revisions()
        if signed_in is None or tenant is None or actor is None or not revisions:
            return None
        standing = standing_of(actor, binds=noted.binds)
        is_known, recipe = self._recipes.find((head.facts, standing, tenant))
        if not is_known:
            environ[WANTED] = True
        known = noted.known.get(standing)
        if known is None:
            return None
        seed = known.seed._replace(path=with_ids(known.seed.path, head.ids))
        key = key_of(seed, tenant, revisions)
        return _Asking(known, key, head.ids, tenant, revisions, recipe)


def _kept(asking: _Asking, environ: dict[str, Any]) -> _Found | None:
    """What is kept; where a recipe may make the rest, of this process's memory alone."""
    key, offered = asking.key, environ.get("HTTP_IF_NONE_MATCH", "")
    tag = tag_in(offered, key)
    if tag is not None:
        return _Found(asking.known, tag, None)
    kept = store().local(key) if asking.recipe else store().get(key)
    if kept is not None:
        return _Found(asking.known, *tagged(key, kept))
    if asking.recipe is None:
        environ[MISSED] = key
    return None


def _made(asking: _Asking, environ: dict[str, Any]) -> _Found | None:
    """What another has made meanwhile, or the recipe makes now."""
    key, status, kept = asking.key, HIT, None
    try:
        with store().computing(key) as anothers:
            kept = anothers
            if kept is None:
                status, kept = MISS, _make(asking)
    except (DatabaseError, InterfaceError):
        kept = None  # The long way tries again, or says why.
    except Exception:
        _log.warning("recipe_failed", route=asking.known.seed.route, exc_info=True)
        kept = None
    if kept is None:
        environ[MISSED] = key
        return None
    return _Found(asking.known, *tagged(key, kept), status)


def _make(asking: _Asking) -> bytes | None:
    recipe, kept, name = asking.recipe, None, ""
    if recipe is None:
        return None
    if recipe.lasting is not None:
        lasting = recipe.lasting._replace(path=with_ids(recipe.lasting.path, asking.ids))
        name = key_of(lasting, asking.tenant, asking.revisions)
        kept = store().pointed(name)
    made = recipe.made(asking.ids, kept)
    if made is not None:
        store().put(asking.key, made)
        if name:
            store().point(name, asking.key)
    return made


def count_asked(asked: Any, environ: dict[str, Any]) -> Reading | None:
    """Count the request; over the limit it is the long way that refuses it, uncounted."""
    reading = counter().count(*caller_limit(asked))
    if reading.allowed:
        environ[COUNTED] = reading
        return reading
    environ[REFUSED] = reading
    return None


def _head_of_answer(
    found: _Found, reading: Reading, identifier: str
) -> tuple[str, list[tuple[str, str]]]:
    own = [
        ("ETag", f'"{found.tag}"'),
        ("Cache-Status", found.status),
        *headers_of(reading).items(),
        (HEADER, identifier),
    ]
    if found.body is not None:
        return "200 OK", [*found.known.headers, ("Content-Length", str(len(found.body))), *own]
    lasting = [each for each in found.known.headers if each[0].lower() not in _OF_BODIES]
    return "304 Not Modified", [*lasting, *own]

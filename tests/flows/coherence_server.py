"""The web process of the coherence test: the real application, slowed, killed and mutated.

`coherence_server:application` is what granian serves. The environment says how much of it:
`COHERENCE_SLOW` is the share of statements and steps that are kept waiting for some ms, and
`COHERENCE_MUTANT` breaks the cache on purpose, so that the test is seen to fail. A request with
`X-Coherence-Fault: kill` kills its process between its commit and its answer.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from noren.config.wsgi import application as served
from noren_kit.api import front
from noren_kit.caching.store import Store
from noren_kit.core import context
from noren_kit.core.context import Revision, Revisions

TOKEN_SECONDS = 6 * 3600
KILL = "HTTP_X_COHERENCE_FAULT"
SLOW = float(os.environ.get("COHERENCE_SLOW", "0"))
MOST_SECONDS = 0.02


def _pause(times: float = 1.0) -> None:
    if random.random() < SLOW * times:
        time.sleep(random.uniform(0.001, MOST_SECONDS))


# Between any two statements: of the revisions and the data as well.
def _slow_statement(execute: Callable[..., Any], *arguments: Any) -> Any:
    _pause()
    return execute(*arguments)


def _slow_connection(connection: Any, **_kwargs: Any) -> None:
    if _slow_statement not in connection.execute_wrappers:
        connection.execute_wrappers.append(_slow_statement)


def _slowed(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` with a wait before and after it."""

    def run(*arguments: Any) -> Any:
        _pause(2)
        result = function(*arguments)
        _pause(2)
        return result

    return run


def _slow_down() -> None:
    connection_created.connect(_slow_connection, dispatch_uid="coherence")
    wrapper: Any = BaseDatabaseWrapper
    wrapper._commit = _slowed(wrapper._commit)
    cache: Any = Store
    cache.put, cache.computing = _slowed(cache.put), _slowed(cache.computing)


def _deaf_to(collection: str) -> None:
    """Keys without the revision of one collection."""
    read = context.revisions

    def revisions() -> Mapping[str, Revision]:
        found = read()
        if collection not in found:
            return found
        return Revisions({**found, collection: Revision(0, found[collection].live)})

    context.revisions = revisions


def _reading_late() -> None:
    """Keys of the revisions after the data was read, instead of before."""
    read = context.revisions

    def revisions() -> Mapping[str, Revision]:
        if not read():
            return read()
        with connection.cursor() as cursor:
            cursor.execute("SELECT noren_revisions(%s)", [context.tenant_id()])
            return Revisions.parse(cursor.fetchone()[0])

    context.revisions = revisions
    _keeping_late()


def _keeping_late() -> None:
    """The same of what recipes make: the front takes its keys before it reads, and must."""
    keyed: dict[str, tuple[Any, Any]] = {}
    key_of, put = front.key_of, Store.put

    def noted(seed: Any, tenant: Any, revisions: Any) -> str:
        key = key_of(seed, tenant, revisions)
        keyed[key] = (seed, tenant)
        return key

    def put_late(store: Store, key: str, body: bytes) -> None:
        if key in keyed:
            key = key_of(*keyed[key], context.revisions())
        put(store, key, body)

    front.key_of = noted
    Store.put = put_late  # type: ignore[method-assign]


def _mutate(mutant: str) -> None:
    kind, _colon, collection = mutant.partition(":")
    if kind == "deaf":
        _deaf_to(collection)
    elif kind == "late":
        _reading_late()
    elif kind:
        raise ValueError(f"There is no mutant {mutant!r}.")


settings.NOREN_KIT["ACCESS_TOKEN_SECONDS"] = TOKEN_SECONDS
_slow_down()
_mutate(os.environ.get("COHERENCE_MUTANT", ""))


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    body: Iterable[bytes] = served(environ, start_response)
    if environ["REQUEST_METHOD"] != "GET":
        _pause(5)
        if environ.get(KILL) == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
    return body

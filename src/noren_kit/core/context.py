"""Who is acting, for which tenant, in which request: carried by context variables.

Everything below HTTP (models, services, logs, the outbox) needs these three facts and none of
it may take them from a request object, so they live here, set at the edge and read anywhere.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from pathlib import PurePath
from types import MappingProxyType
from typing import NamedTuple


class TenantNotEntered(RuntimeError):
    """Tenant data was asked for while no tenant was entered; a fault in the program."""

    def __init__(self) -> None:
        super().__init__("No tenant is entered here: wrap the call in noren_kit.tenancy.enter().")


@dataclass(frozen=True, slots=True)
class TenantInfo:
    """The entered tenant's identity and settings, as read when it was entered."""

    id: uuid.UUID
    slug: str
    name: str
    currency: str
    standard_tax_rate: Decimal
    tax_rounding: str
    prices_include_tax: bool
    locale: str
    time_zone: str
    requests_per_hour: int | None = None
    require_if_match: bool = False


@dataclass(frozen=True, slots=True)
class Actor:
    """The person (or program) on whose behalf the code runs.

    `credential_id` is the sign-in session or the API key that the request came with. A key has
    `scopes`: what it may do at most, of what its maker (the person named here) may.
    """

    user_id: uuid.UUID
    name: str
    email: str
    roles: frozenset[str] = field(default_factory=frozenset)
    permissions: frozenset[str] = field(default_factory=frozenset)
    is_superuser: bool = False
    credential_id: uuid.UUID | None = None
    scopes: frozenset[str] | None = None

    @property
    def is_key(self) -> bool:
        return self.scopes is not None


class Revision(NamedTuple):
    """How often a collection has changed, and how many live rows it has where they are counted."""

    number: int
    live: int


_UNTOUCHED = Revision(0, 0)


class Revisions(dict[str, Revision]):
    """Revisions by collection, as one statement read them. What was never written stands at 0.

    Not to be changed: those who read the same share it.
    """

    def __missing__(self, collection: str) -> Revision:
        return _UNTOUCHED

    @staticmethod
    @lru_cache(maxsize=1024)
    def parse(text: str | None) -> Revisions:
        """Of what `noren_revisions` answers: collection, number, live, and so on.

        Tenants are read far more often than they change, so the same text comes again.
        """
        parts = iter(text.split(" ") if text else ())
        return Revisions(
            (collection, Revision(int(number), int(live)))
            for collection, number, live in zip(parts, parts, parts, strict=True)
        )


_UNREAD: Mapping[str, Revision] = MappingProxyType({})

_tenant: ContextVar[TenantInfo | None] = ContextVar("noren_tenant", default=None)
_actor: ContextVar[Actor | None] = ContextVar("noren_actor", default=None)
_revisions: ContextVar[Mapping[str, Revision]] = ContextVar("noren_revisions", default=_UNREAD)
_request_id: ContextVar[str] = ContextVar("noren_request_id", default="")
_program: ContextVar[str] = ContextVar("noren_program", default="")
_address: ContextVar[str] = ContextVar("noren_client_address", default="")
_afterwards: ContextVar[list[Callable[[], None]] | None] = ContextVar(
    "noren_afterwards", default=None
)


def tenant() -> TenantInfo:
    """The entered tenant; raises `TenantNotEntered` outside of one."""
    entered = _tenant.get()
    if entered is None:
        raise TenantNotEntered
    return entered


def tenant_or_none() -> TenantInfo | None:
    return _tenant.get()


def tenant_id() -> uuid.UUID:
    """The entered tenant's id; raises `TenantNotEntered` outside of one."""
    return tenant().id


def actor() -> Actor | None:
    return _actor.get()


def actor_id() -> uuid.UUID | None:
    current = _actor.get()
    return current.user_id if current else None


def revisions() -> Mapping[str, Revision]:
    """The entered tenant's revisions, and those of all tenants, by collection.

    Read by the statement that entered the tenant. Every later statement of the transaction takes
    its snapshot later (READ COMMITTED), and a writer's raise is committed together with its data:
    so what is read after revision R is at least as new as R, and may be kept under it. Not in a
    transaction that has written itself: its own raise is still to come, and may never do.

    Where nothing was read the mapping is empty, and a look-up raises KeyError: a revision that
    nobody read is not 0.
    """
    return _revisions.get()


def request_id() -> str:
    """The id of the request being served, or an empty string outside of one."""
    return _request_id.get()


def client_address() -> str:
    """The client's network address, or an empty string where there is no client."""
    return _address.get()


def after_request(task: Callable[[], None]) -> None:
    """Have `task` run once the request and its transaction are over, however they ended.

    Outside of a request nothing is over later, and the call does nothing.
    """
    tasks = _afterwards.get()
    if tasks is not None:
        tasks.append(task)


def program() -> str:
    """What runs where nobody acts: the task that was named, else this process's command."""
    return _program.get() or _command()


@contextmanager
def running(name: str) -> Iterator[None]:
    """Run a block as the program of this name, which history then names where nobody acts."""
    token = _program.set(name)
    try:
        yield
    finally:
        _program.reset(token)


@lru_cache(maxsize=1)
def _command() -> str:
    """`noren manage load_demo`: the program and what it was told, without options and paths."""
    first, *words = sys.argv or [""]
    told = [word for word in words if word.isascii() and not {"-", "/"} & {word[:1], *word}]
    return " ".join([PurePath(first).name, *told[:2]])


def set_tenant(info: TenantInfo | None, read: Mapping[str, Revision] = _UNREAD) -> None:
    """For the kit's own entry points, which also set the database's side; `read` are revisions."""
    _tenant.set(info)
    _revisions.set(read)


def set_actor(current: Actor | None) -> None:
    _actor.set(current)


@contextmanager
def request_scope(identifier: str, address: str = "") -> Iterator[list[Callable[[], None]]]:
    """One request or task: starts with no tenant and no actor, and leaves none behind.

    Yields what `after_request` collects, for the caller to run.
    """
    tasks: list[Callable[[], None]] = []
    tokens = (_tenant.set(None), _actor.set(None), _request_id.set(identifier))
    revisions_token = _revisions.set(_UNREAD)
    address_token, tasks_token = _address.set(address), _afterwards.set(tasks)
    try:
        yield tasks
    finally:
        _tenant.reset(tokens[0])
        _actor.reset(tokens[1])
        _request_id.reset(tokens[2])
        _revisions.reset(revisions_token)
        _address.reset(address_token)
        _afterwards.reset(tasks_token)


@contextmanager
def acting(
    info: TenantInfo | None,
    current: Actor | None,
    read: Mapping[str, Revision] | None = None,
) -> Iterator[None]:
    """Run a block for a tenant and an actor, then restore what was there before.

    `read` are the tenant's revisions; without them those of the moment hold for the same tenant,
    and none for another.
    """
    if read is None:
        outer = _tenant.get()
        read = _revisions.get() if (outer and outer.id) == (info and info.id) else _UNREAD
    tokens = (_tenant.set(info), _actor.set(current))
    revisions_token = _revisions.set(read)
    try:
        yield
    finally:
        _tenant.reset(tokens[0])
        _actor.reset(tokens[1])
        _revisions.reset(revisions_token)

"""A caller's standing, read in the same statement that enters the tenant.

`noren_standing` and `noren_key_standing` (SECURITY DEFINER, see the migrations) answer before
the tenant is set; no row means no access, and then no tenant is set either.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from noren_kit.core import context
from noren_kit.core.context import Actor, Revision, Revisions, TenantInfo
from noren_kit.db.constraints import TENANT_SETTING
from noren_kit.db.history import CAUSE_SETTING
from noren_kit.db.prepared import fetch_all, fetch_alone
from noren_kit.observability.addresses import Address
from noren_kit.tenancy.entering import TENANT_COLUMNS, tenant_info


@dataclass(frozen=True, slots=True)
class Standing:
    """What the database says of a caller at this moment.

    `use_is_due` is true for an API key whose last use was written over a minute ago.
    `revisions` are the tenant's and those of all tenants (`noren_kit.core.context.revisions`).
    """

    actor: Actor
    tenant: TenantInfo | None
    use_is_due: bool = False
    revisions: Mapping[str, Revision] = field(default_factory=Revisions)


_PERSON = "s.user_id, s.username, s.name, s.email, s.is_superuser, s.roles, s.permissions"
_TENANT = ", ".join(f"s.tenant_{column}" for column in TENANT_COLUMNS)
_SET = f"set_config('{TENANT_SETTING}', coalesce(s.tenant_id::text, ''), true)"
# As `noren_kit.db.history.cause_text` writes it: for the triggers of the transaction to come.
_CAUSE = (
    f"set_config('{CAUSE_SETTING}', concat_ws(' ', s.user_id, {{credential}}::text,"
    " coalesce(nullif(%s, ''), '-'), coalesce(nullif(s.name, ''), s.username)), true)"
)
_REVISIONS = "noren_revisions(s.tenant_id)"
_ENTER = (
    f"SELECT {_PERSON}, {_TENANT}, {_REVISIONS}, {_SET}, {_CAUSE.format(credential='%s')}"  # noqa: S608
    " FROM noren_standing(%s, %s, %s, %s) s"
)
_ENTER_BY_KEY = (
    f"SELECT {_PERSON}, {_TENANT}, {_REVISIONS}, {_SET},"  # noqa: S608
    f" {_CAUSE.format(credential='s.key_id')}, s.key_id, s.scopes, s.use_is_due"
    " FROM noren_key_standing(%s, %s, %s) s"
)
_PERSONS_WIDTH = 7


def _row(statement: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
    fetch = fetch_all if connection.in_atomic_block else fetch_alone
    return next(iter(fetch(statement, values)), None)


def _actor(
    row: tuple[Any, ...],
    credential_id: uuid.UUID,
    scopes: frozenset[str] | None = None,
    *,
    as_platform: bool = False,
) -> Actor:
    """Superusers act as such in a tenant that they named, or in none: in one that they are a
    member of, they are a member."""
    user, username, name, email, superuser, roles, permissions = row[:_PERSONS_WIDTH]
    return Actor(
        user_id=user,
        name=name or username,
        email=email,
        roles=frozenset(roles or ()),
        permissions=frozenset(permissions or ()),
        is_superuser=superuser and as_platform,
        credential_id=credential_id,
        scopes=scopes,
    )


def _entered(
    row: tuple[Any, ...],
    credential_id: uuid.UUID,
    scopes: frozenset[str] | None = None,
    *,
    use_is_due: bool = False,
    as_platform: bool = False,
) -> Standing:
    actor = _actor(row, credential_id, scopes, as_platform=as_platform)
    tenant = row[_PERSONS_WIDTH : _PERSONS_WIDTH + len(TENANT_COLUMNS)]
    entered = tenant_info(tenant) if tenant[0] is not None else None
    revisions = Revisions.parse(row[_PERSONS_WIDTH + len(TENANT_COLUMNS)])
    context.set_actor(actor)
    context.set_tenant(entered, revisions)
    return Standing(actor, entered, use_is_due, revisions)


def enter_standing(
    *,
    user_id: uuid.UUID,
    session_id: uuid.UUID,
    tenant_id: uuid.UUID | None,
    named_tenant_id: uuid.UUID | None = None,
) -> Standing | None:
    """Enter the tenant and return the caller's standing, or None where there is none.

    None stands for all of: unknown or disabled user, ended session, no membership, unknown or
    suspended tenant. `named_tenant_id` (the `X-Tenant-ID` header) counts for superusers alone.
    """
    caused = [session_id, context.request_id()]
    row = _row(_ENTER, [*caused, user_id, session_id, tenant_id, named_tenant_id])
    as_platform = tenant_id is None or named_tenant_id is not None
    return None if row is None else _entered(row, session_id, as_platform=as_platform)


def enter_by_key(*, prefix: str, digest: str, address: Address | None) -> Standing | None:
    """Enter an API key's tenant and return its standing, or None where the key opens nothing.

    None stands for all of: unknown, revoked or expired key, another secret, a network that it
    may not be used from, a maker who is disabled or no member any more, a suspended tenant.
    """
    row = _row(_ENTER_BY_KEY, [context.request_id(), prefix, digest, address])
    if row is None:
        return None
    key_id, scopes, use_is_due = row[-3:]
    return _entered(row, key_id, frozenset(scopes), use_is_due=use_is_due)


def standing_now(actor: Actor) -> Actor | None:
    """The signed-in `actor` as they stand in the entered tenant now, None where they do not."""
    if actor.credential_id is None:
        return None
    tenant_id = context.tenant_id()
    named = tenant_id if actor.is_superuser else None
    caused = [actor.credential_id, context.request_id()]
    row = _row(_ENTER, [*caused, actor.user_id, actor.credential_id, tenant_id, named])
    if row is None:
        return None
    return _actor(row, actor.credential_id, as_platform=actor.is_superuser)


@dataclass(frozen=True, slots=True)
class Affiliation:
    """One tenant that a person may sign in to."""

    tenant_id: uuid.UUID
    tenant_name: str
    roles: tuple[str, ...]


def openings(user_id: uuid.UUID | None) -> tuple[list[Affiliation], bool]:
    """The active tenants of a person, and whether they are invited to any; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.invited, a.tenant_id, a.tenant_name, a.roles"
            " FROM (SELECT EXISTS (SELECT FROM noren_invitations(%s)) AS invited) i"
            " LEFT JOIN noren_affiliations(%s) a ON true",
            [user_id, user_id],
        )
        rows = cursor.fetchall()
    found = [
        Affiliation(tenant, name, tuple(roles))
        for _invited, tenant, name, roles in rows
        if tenant is not None
    ]
    return found, rows[0][0]


def affiliations(user_id: uuid.UUID | None) -> list[Affiliation]:
    """The active tenants of a person, by name; before any tenant is entered."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM noren_affiliations(%s)", [user_id])
        return [Affiliation(tenant, name, tuple(roles)) for tenant, name, roles in cursor]


@dataclass(frozen=True, slots=True)
class Invitation:
    """A membership that its person has not accepted yet."""

    membership_id: uuid.UUID
    invited_at: dt.datetime
    tenant_id: uuid.UUID
    tenant_name: str


def invitations(user_id: uuid.UUID) -> list[Invitation]:
    """The open invitations of a person, by age; before any tenant is entered."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM noren_invitations(%s)", [user_id])
        return [Invitation(*row) for row in cursor]

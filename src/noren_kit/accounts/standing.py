"""A caller's standing, read in the same statement that enters the tenant.

`noren_standing` and `noren_key_standing` (SECURITY DEFINER, see the migrations) answer before
the tenant is set; no row means no access, and then no tenant is set either.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from noren_kit.core import context
from noren_kit.core.context import Actor, Revision, Revisions, TenantInfo
from noren_kit.db.constraints import TENANT_SETTING
from noren_kit.db.history import CAUSE_SETTING
from noren_kit.db.lookups import Lookup
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
_REVISIONS = "noren_revisions(s.tenant_id)"
_ENTER = (
    f"SELECT {_PERSON}, {_TENANT}, {_REVISIONS}, {_SET}"  # noqa: S608
    " FROM noren_standing(%s, %s, %s, %s) s"
)
_ENTER_BY_KEY = (
    f"SELECT {_PERSON}, {_TENANT}, {_REVISIONS}, {_SET}, s.key_id, s.scopes, s.use_is_due"  # noqa: S608
    " FROM noren_key_standing(%s, %s, %s::inet) s"
)
# In a transaction, for the triggers of what it writes; as `noren_kit.db.history.cause_text`.
_CAUSE = (
    f" CROSS JOIN LATERAL set_config('{CAUSE_SETTING}', concat_ws(' ', s.user_id,"
    " {credential}::text, coalesce(nullif(%s::text, ''), '-'),"
    " coalesce(nullif(s.name, ''), s.username)), true) AS cause"
)
_PERSONS_WIDTH = 7


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


def _standing(
    row: tuple[Any, ...],
    credential_id: uuid.UUID,
    scopes: frozenset[str] | None = None,
    *,
    use_is_due: bool = False,
    as_platform: bool = False,
) -> Standing:
    tenant = row[_PERSONS_WIDTH : _PERSONS_WIDTH + len(TENANT_COLUMNS)]
    return Standing(
        _actor(row, credential_id, scopes, as_platform=as_platform),
        tenant_info(tenant) if tenant[0] is not None else None,
        use_is_due,
        Revisions.parse(row[_PERSONS_WIDTH + len(TENANT_COLUMNS)]),
    )


def _by_session(
    row: tuple[Any, ...],
    _user: uuid.UUID,
    session_id: uuid.UUID,
    tenant_id: uuid.UUID | None,
    named_tenant_id: uuid.UUID | None,
) -> Standing:
    as_platform = tenant_id is None or named_tenant_id is not None
    return _standing(row, session_id, as_platform=as_platform)


def _by_key(row: tuple[Any, ...], *_values: str | None) -> Standing:
    key_id, scopes, use_is_due = row[-3:]
    return _standing(row, key_id, frozenset(scopes), use_is_due=use_is_due)


_of_session = Lookup(
    _ENTER,
    _by_session,
    values=4,
    inside=_ENTER + _CAUSE.format(credential="%s"),
    further=lambda _user, session_id, *_tenants: (session_id, context.request_id()),
)
_of_key = Lookup(
    _ENTER_BY_KEY,
    _by_key,
    values=3,
    inside=_ENTER_BY_KEY + _CAUSE.format(credential="s.key_id"),
    further=lambda *_values: (context.request_id(),),
)


def _entered(standing: Standing | None) -> Standing | None:
    if standing is not None:
        context.set_actor(standing.actor)
        context.set_tenant(standing.tenant, standing.revisions)
    return standing


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
    return _entered(_of_session.find(user_id, session_id, tenant_id, named_tenant_id))


def enter_by_key(*, prefix: str, digest: str, address: Address | None) -> Standing | None:
    """Enter an API key's tenant and return its standing, or None where the key opens nothing.

    None stands for all of: unknown, revoked or expired key, another secret, a network that it
    may not be used from, a maker who is disabled or no member any more, a suspended tenant.
    """
    return _entered(_of_key.find(prefix, digest, None if address is None else str(address)))


def standing_now(actor: Actor) -> Actor | None:
    """The signed-in `actor` as they stand in the entered tenant now, None where they do not."""
    if actor.credential_id is None:
        return None
    tenant_id = context.tenant_id()
    named = tenant_id if actor.is_superuser else None
    now = _of_session.find(actor.user_id, actor.credential_id, tenant_id, named)
    return None if now is None else now.actor


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

"""A member's standing, read in the same statement that enters the tenant.

`noren_standing` (SECURITY DEFINER, see the migrations) answers before the tenant is set; no row
means no access, and then no tenant is set either.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db import connection

from noren_kit.core import context
from noren_kit.core.context import Actor, TenantInfo
from noren_kit.db.constraints import TENANT_SETTING
from noren_kit.tenancy.entering import TENANT_COLUMNS, tenant_info


@dataclass(frozen=True, slots=True)
class Standing:
    """What the database says of a caller at this moment."""

    actor: Actor
    tenant: TenantInfo | None


_ENTER = f"""
SELECT s.user_id, s.username, s.name, s.email, s.is_superuser, s.roles, s.permissions,
       {", ".join(f"s.tenant_{column}" for column in TENANT_COLUMNS)},
       set_config('{TENANT_SETTING}', coalesce(s.tenant_id::text, ''), true)
  FROM noren_standing(%s, %s, %s, %s) s
"""  # noqa: S608  constant names


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
    with connection.cursor() as cursor:
        cursor.execute(_ENTER, [user_id, session_id, tenant_id, named_tenant_id])
        row = cursor.fetchone()
    if row is None:
        return None
    user, username, name, email, superuser, roles, permissions, *rest = row
    actor = Actor(
        user_id=user,
        name=name or username,
        email=email,
        roles=frozenset(roles or ()),
        permissions=frozenset(permissions or ()),
        is_superuser=superuser,
    )
    entered = tenant_info(tuple(rest[:-1])) if rest[0] is not None else None
    context.set_actor(actor)
    context.set_tenant(entered)
    return Standing(actor, entered)


@dataclass(frozen=True, slots=True)
class Affiliation:
    """One tenant that a person may sign in to."""

    tenant_id: uuid.UUID
    tenant_name: str
    roles: tuple[str, ...]


def affiliations(user_id: uuid.UUID) -> list[Affiliation]:
    """The active tenants of a person, by name; before any tenant is entered."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM noren_affiliations(%s)", [user_id])
        return [Affiliation(tenant, name, tuple(roles)) for tenant, name, roles in cursor]

"""Nobody grants more than they hold: what everything that gives or takes rights asks first.

`known` are all rights that exist, which the API reads off its routes. Whoever changes members,
roles or keys holds the tenant's lock of them and is looked up again under it, so that two who
take each other's rights away at once do it one after the other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable

from django.utils.translation import gettext_lazy as _

from noren_kit.accounts.models import MembershipRole, Role
from noren_kit.accounts.rights import BUILT_IN_ROLES, actor_may, holds, missing
from noren_kit.core import context
from noren_kit.core.context import Actor
from noren_kit.core.errors import Forbidden
from noren_kit.db.locks import lock_in_tenant


class GrantsTooMuch(Forbidden):
    """403: `details.missing` lists the rights that the caller does not hold."""

    code = "grants_too_much"
    message = _("You can't grant what you do not hold.")

    def __init__(self, rights: Collection[str]) -> None:
        super().__init__(details={"missing": sorted(rights)})


class Outranked(Forbidden):
    """403: `details.missing` lists the rights that the caller does not hold."""

    code = "outranked"
    message = _("This holds rights that you do not hold, so you can't change it.")

    def __init__(self, rights: Collection[str]) -> None:
        super().__init__(details={"missing": sorted(rights)})


def lock_grants() -> None:
    """Wait for the tenant's lock of members, roles and keys; before any row of them is locked."""
    lock_in_tenant("accounts.grants")


def caller(right: str) -> Actor:
    """The acting caller with the roles of this moment; after `lock_grants`.

    Raises `Forbidden` where `right`, which opened the request, has been taken away since.
    """
    actor = context.actor()
    if actor is None:
        raise Forbidden
    held = MembershipRole.objects.filter(
        membership__user_id=actor.user_id,
        membership__deleted_at=None,
        membership__accepted_at__isnull=False,
        role__deleted_at=None,
    ).values_list("role__slug", "role__permissions")
    rows = list(held)
    now = dataclasses.replace(
        actor,
        roles=frozenset(slug for slug, _listed in rows),
        permissions=frozenset(codename for _slug, listed in rows for codename in listed),
    )
    if not actor_may(now, right):
        raise Forbidden
    return now


def rights_of(roles: Iterable[Role], known: Iterable[str]) -> frozenset[str]:
    """Those of the `known` rights that a holder of all these roles has."""
    roles = list(roles)
    built_in = {role.slug for role in roles if role.slug in BUILT_IN_ROLES}
    listed = {codename for role in roles for codename in role.permissions}
    return frozenset(right for right in known if holds(built_in, listed, right))


def require_may_grant(actor: Actor, rights: Iterable[str]) -> None:
    """Raises `GrantsTooMuch` unless `actor` holds all of `rights`."""
    lacking = missing(actor, rights)
    if lacking:
        raise GrantsTooMuch(lacking)


def require_not_outranked(actor: Actor, rights: Iterable[str]) -> None:
    """Raises `Outranked` unless `actor` holds all of `rights`."""
    lacking = missing(actor, rights)
    if lacking:
        raise Outranked(lacking)

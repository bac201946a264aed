"""Nobody grants more than they hold: what everything that gives or takes rights asks first.

`known` are all rights that exist, which the API reads off its routes. Whoever changes members,
roles or keys holds the tenant's lock of them and is looked up again under it, so that two who
take each other's rights away at once do it one after the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from noren_kit.accounts.models import ApiKey, MembershipRole, Role
from noren_kit.accounts.rights import BUILT_IN_ROLES, actor_may, holds, missing
from noren_kit.accounts.standing import standing_now
from noren_kit.core import context
from noren_kit.core.context import Actor
from noren_kit.core.errors import Forbidden
from noren_kit.db.locks import lock_in_tenant
from noren_kit.tenancy.models import Tenant


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


def _key_now(actor: Actor) -> Actor | None:
    """A key with its scopes and its maker's roles of this moment, None where it opens nothing."""
    unexpired = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    scopes = (
        ApiKey.objects.filter(unexpired, id=actor.credential_id, created_by__is_active=True)
        .filter(tenant__status=Tenant.Status.ACTIVE)
        .values_list("scopes", flat=True)
        .first()
    )
    return None if scopes is None else replace(_member_now(actor), scopes=frozenset(scopes))


def _member_now(actor: Actor) -> Actor:
    rows = MembershipRole.objects.filter(
        membership__user_id=actor.user_id,
        membership__deleted_at=None,
        membership__accepted_at__isnull=False,
        role__deleted_at=None,
    ).values_list("role__slug", "role__permissions")
    held = list(rows)
    return replace(
        actor,
        roles=frozenset(slug for slug, _listed in held),
        permissions=frozenset(codename for _slug, listed in held for codename in listed),
    )


def _now(actor: Actor) -> Actor | None:
    if actor.is_key:
        return _key_now(actor)
    # A command or a task acts for a person without a credential of theirs.
    return standing_now(actor) if actor.credential_id else _member_now(actor)


def caller(right: str) -> Actor:
    """The acting caller as they stand at this moment; after `lock_grants`.

    Session or key, person, membership, roles, scopes and tenant are read again: a request may
    have waited while one of them was taken away. Raises `Forbidden` then.
    """
    actor = context.actor()
    now = _now(actor) if actor else None
    if now is None or not actor_may(now, right):
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

"""Members of a tenant: invited, given other roles, removed.

An invitation answers the same for an address that the installation knows and for one that it
does not: the same statements, and nothing of the person until they accept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from django.db import DEFAULT_DB_ALIAS, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from noren_kit.accounts.granting import (
    caller,
    lock_grants,
    require_may_grant,
    require_not_outranked,
    rights_of,
)
from noren_kit.accounts.models import ApiKey, Membership, MembershipRole, Role, User
from noren_kit.audit.models import AccessEntry
from noren_kit.audit.recording import record_change
from noren_kit.core import context
from noren_kit.core.errors import Conflict, Duplicate, InvalidInput, NotFound
from noren_kit.core.ids import uuid7
from noren_kit.core.tasks import queue, tenant_headers

OWNER = "owner"


class LastOwner(Conflict):
    """409: a tenant keeps at least one active owner who has accepted."""

    code = "last_owner"
    message = _("The tenant would be left without an owner.")


def find_roles(slugs: Sequence[str]) -> list[Role]:
    """The entered tenant's roles of these slugs; raises `InvalidInput` naming each unknown one."""
    found = {role.slug: role for role in Role.objects.filter(slug__in=slugs)}
    fault = [{"code": "unknown", "message": _("There is no such role.")}]
    unknown = {str(at): fault for at, slug in enumerate(slugs) if slug not in found}
    if unknown:
        raise InvalidInput(details={"roles": unknown})
    return [found[slug] for slug in dict.fromkeys(slugs)]


def _person(email: str, using: str) -> User:
    """Whoever has this address, or else a new person without a password; the same statements.

    The name that a tenant has for somebody stays on its invitation until they accept it.
    """
    identifier = uuid7()
    user = User(id=identifier, username=str(identifier), email=email)
    user.fold_names()
    user.set_unusable_password()
    people = User.objects.using(using)
    people.bulk_create([user], ignore_conflicts=True)
    return people.get(email_folded=user.email_folded)


def add_invitation(
    *, email: str, name: str, roles: Iterable[Role], using: str = DEFAULT_DB_ALIAS
) -> Membership:
    """Invite an address to the entered tenant and mail it at commit; asks nobody's rights.

    Raises `Duplicate` where its person is a member or has been invited already.
    """
    roles = list(roles)
    person = _person(email, using)
    memberships = Membership.objects.using(using)
    if memberships.filter(user=person).exists():
        fault = {"code": Duplicate.code, "message": _("This address is a member or is invited.")}
        raise Duplicate(details={"email": [fault]})
    membership: Membership = memberships.create(
        user=person, accepted_at=None, invited_email=email, invited_name=name
    )
    MembershipRole.objects.using(using).bulk_create(
        MembershipRole(membership=membership, role=role) for role in roles
    )
    record_change(
        AccessEntry.Kind.MEMBER_INVITED,
        using=using,
        member_id=str(membership.id),
        email=email,
        roles=sorted(role.slug for role in roles),
    )
    headers = tenant_headers(context.tenant_id(), context.request_id())
    transaction.on_commit(
        partial(queue, "accounts.send_invitation", str(membership.id), headers=headers),
        using=using,
        robust=True,
    )
    return membership


def invite(*, email: str, name: str, roles: Sequence[str], known: Iterable[str]) -> Membership:
    """Invite an address with these roles (slugs).

    Raises `InvalidInput` for unknown roles, `GrantsTooMuch`, and `Duplicate`.
    """
    lock_grants()
    actor = caller("accounts.add_membership")
    found = find_roles(roles)
    require_may_grant(actor, rights_of(found, known))
    return add_invitation(email=email, name=name, roles=found)


def _roles_of(membership: Membership) -> list[Role]:
    return list(Role.objects.filter(id__in=membership.held.values("role_id")))


def _keep_an_owner(leaving: Membership, held: Iterable[Role]) -> None:
    """Raises `LastOwner` where nobody but `leaving`, who is one, owns the tenant."""
    owns = any(role.slug == OWNER for role in held)
    if not owns or leaving.accepted_at is None or not leaving.user.is_active:
        return
    others = MembershipRole.objects.filter(
        role__slug=OWNER,
        role__deleted_at=None,
        membership__deleted_at=None,
        membership__accepted_at__isnull=False,
        membership__user__is_active=True,
    ).exclude(membership_id=leaving.id)
    if not others.exists():
        raise LastOwner


def _label(membership: Membership) -> dict[str, Any]:
    """Who it is, for the log; nothing of a person who has not accepted."""
    label = {"member_id": str(membership.id)}
    if membership.accepted_at is not None:
        label["user_id"] = str(membership.user_id)
    return label


def change_roles(
    *, membership: Membership, roles: Sequence[str], known: Iterable[str]
) -> Membership:
    """Give a member (or an invitation) exactly these roles; the caller holds `lock_grants`.

    Raises `InvalidInput` for unknown roles, `Outranked`, `GrantsTooMuch`, `LastOwner`.
    """
    known = frozenset(known)
    actor = caller("accounts.change_membership")
    wanted, held = find_roles(roles), _roles_of(membership)
    require_not_outranked(actor, rights_of(held, known))
    require_may_grant(actor, rights_of(wanted, known))
    added = [role for role in wanted if role not in held]
    removed = [role for role in held if role not in wanted]
    if not added and not removed:
        return membership
    if any(role.slug == OWNER for role in removed):
        _keep_an_owner(membership, held)
    MembershipRole.objects.filter(membership=membership, role__in=removed).delete()
    MembershipRole.objects.bulk_create(
        MembershipRole(membership=membership, role=role) for role in added
    )
    membership.save()
    record_change(
        AccessEntry.Kind.MEMBER_CHANGED,
        **_label(membership),
        added=sorted(role.slug for role in added),
        removed=sorted(role.slug for role in removed),
    )
    return membership


def remove_member(*, membership: Membership, known: Iterable[str]) -> None:
    """End a membership or take an invitation back; the caller holds `lock_grants`.

    The member's API keys are revoked, so that they stay dead if the person comes back. Raises
    `Outranked`, `LastOwner`, and `NotFound` where it is gone.
    """
    actor = caller("accounts.delete_membership")
    held = _roles_of(membership)
    require_not_outranked(actor, rights_of(held, known))
    _keep_an_owner(membership, held)
    now = timezone.now()
    if not Membership.objects.filter(id=membership.id).touch(deleted_at=now):
        raise NotFound
    keys = ApiKey.objects.filter(created_by_id=membership.user_id)
    revoked = sorted(str(each) for each in keys.values_list("id", flat=True))
    if revoked:
        keys.touch(deleted_at=now)
    record_change(
        AccessEntry.Kind.MEMBER_REMOVED,
        **_label(membership),
        roles=sorted(role.slug for role in held),
        keys=revoked,
    )

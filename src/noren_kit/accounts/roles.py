"""A tenant's own roles beside the four built-in ones, which are the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from noren_kit.accounts.granting import (
    caller,
    lock_grants,
    require_may_grant,
    require_not_outranked,
    rights_of,
)
from noren_kit.accounts.models import MembershipRole, Role
from noren_kit.accounts.rights import BUILT_IN_ROLES
from noren_kit.audit.models import AccessEntry
from noren_kit.audit.recording import record_change
from noren_kit.core.errors import Duplicate, Forbidden, InUse


class BuiltInRole(Forbidden):
    """403: the built-in roles mean the same in every tenant."""

    code = "built_in_role"
    message = _("Built-in roles can't be changed or deleted.")


def _checked(permissions: Iterable[str]) -> list[str]:
    return sorted(set(permissions))


def create_role(*, slug: str, name: str, permissions: Iterable[str]) -> Role:
    """A new role with these codenames; raises `GrantsTooMuch`, and `Duplicate` for a taken slug."""
    lock_grants()
    actor = caller("accounts.add_role")
    listed = _checked(permissions)
    require_may_grant(actor, listed)
    if slug.lower() in BUILT_IN_ROLES or Role.objects.filter(slug=slug).exists():
        fault = {"code": Duplicate.code, "message": Duplicate.message}
        raise Duplicate(details={"slug": [fault]})
    role: Role = Role.objects.create(slug=slug, name=name, permissions=listed)
    record_change(
        AccessEntry.Kind.ROLE_CREATED, role_id=str(role.id), slug=slug, permissions=listed
    )
    return role


def change_role(*, role: Role, values: dict[str, Any], known: Iterable[str]) -> Role:
    """Change a role's name or permissions; the caller holds `lock_grants`.

    Both what it grants and what it is to grant must be the caller's own. Raises `BuiltInRole`,
    `Outranked`, `GrantsTooMuch`.
    """
    actor = caller("accounts.change_role")
    if role.slug in BUILT_IN_ROLES:
        raise BuiltInRole
    require_not_outranked(actor, rights_of([role], known))
    before = {"name": role.name, "permissions": _checked(role.permissions)}
    after = {**before, **values}
    after["permissions"] = _checked(after["permissions"])
    require_may_grant(actor, after["permissions"])
    changes = {name: [before[name], after[name]] for name in before if before[name] != after[name]}
    if not changes:
        return role
    role.name, role.permissions = after["name"], after["permissions"]
    role.save()
    record_change(
        AccessEntry.Kind.ROLE_CHANGED, role_id=str(role.id), slug=role.slug, changes=changes
    )
    return role


def delete_role(*, role: Role, known: Iterable[str]) -> None:
    """Delete a role that nobody holds or is invited to; the caller holds `lock_grants`.

    Raises `BuiltInRole`, `Outranked`, `InUse`.
    """
    actor = caller("accounts.delete_role")
    if role.slug in BUILT_IN_ROLES:
        raise BuiltInRole
    require_not_outranked(actor, rights_of([role], known))
    if MembershipRole.objects.filter(role=role, membership__deleted_at=None).exists():
        raise InUse(details={"used_by": ["membership"]})
    Role.objects.filter(id=role.id).touch(deleted_at=timezone.now())
    record_change(AccessEntry.Kind.ROLE_DELETED, role_id=str(role.id), slug=role.slug)

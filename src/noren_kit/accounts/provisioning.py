"""Making tenants and members: the platform's work, shared by commands, demo and tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from noren_kit.accounts.models import Membership, MembershipRole, Role, User
from noren_kit.accounts.rights import BUILT_IN_ROLES
from noren_kit.tenancy.entering import enter
from noren_kit.tenancy.models import Tenant

PLATFORM_ALIAS = "platform"


def create_tenant(*, slug: str, name: str, **settings: Any) -> Tenant:
    """A new tenant with the built-in roles; `settings` are the tenant's fields.

    Written by the platform's role, which alone may, in one transaction: nobody meets a tenant
    without its roles. Raises `ValidationError`, and `IntegrityError` for a slug that is taken.
    """
    tenant = Tenant(slug=slug, name=name, **settings)
    tenant.full_clean(validate_unique=False, validate_constraints=False)
    with transaction.atomic(using=PLATFORM_ALIAS):
        tenant.save(using=PLATFORM_ALIAS, force_insert=True)
        with enter(tenant.id, using=PLATFORM_ALIAS):
            roles = [Role(slug=slug, name=slug) for slug in BUILT_IN_ROLES]
            Role.objects.using(PLATFORM_ALIAS).bulk_create(roles)
    return tenant


def add_member(*, user: User, roles: Iterable[str]) -> Membership:
    """Make a person a member of the entered tenant; raises `Role.DoesNotExist`."""
    membership: Membership = Membership.objects.create(user=user)
    for slug in roles:
        MembershipRole.objects.create(membership=membership, role=Role.objects.get(slug=slug))
    return membership

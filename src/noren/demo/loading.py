"""Demo shops, each there whole or not at all, and the people who work in them.

A shop's people and goods are one transaction, so a shop with members is complete. What can be
left behind by a kill is a tenant with nothing in it, and the next run goes on from there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from noren.catalog.queries import list_products
from noren.demo.generating import plan_shop
from noren.demo.planting import plant_shop
from noren.demo.words.profile import Profile
from noren_kit.accounts.models import Membership, Role, User, fold
from noren_kit.accounts.provisioning import add_member, create_tenant
from noren_kit.accounts.rights import BUILT_IN_ROLES
from noren_kit.core import context
from noren_kit.core.context import Actor
from noren_kit.db.locks import lock_in_tenant
from noren_kit.tenancy.entering import enter
from noren_kit.tenancy.models import Tenant

PLATFORM_USERNAME = "platform"
# All of the demo's people have addresses in a domain that nobody can own (RFC 2606), so that no
# real person's account is ever taken for one of theirs.
_DOMAIN = "noren-demo.example"


class NotOursError(RuntimeError):
    """A name that the demo needs is somebody else's."""


@dataclass(frozen=True, slots=True)
class DemoShop:
    """A shop that is there, with its users by role."""

    tenant: Tenant
    users: dict[str, User]


@dataclass(frozen=True, slots=True)
class Making:
    """What a shop is made of: the same values make the same shop."""

    seed: int
    scale: float
    end: dt.datetime


def username_of(profile: Profile, role: str) -> str:
    return f"{profile.slug}-{role}"


def _email_of(profile: Profile, role: str) -> str:
    return f"{username_of(profile, role)}@{_DOMAIN}"


def find_shops(profiles: Sequence[Profile]) -> list[DemoShop]:
    """Those of the demo's shops that are complete."""
    tenants = {tenant.slug: tenant for tenant in _tenants(profiles)}
    shops = []
    for profile in profiles:
        tenant = tenants.get(profile.slug)
        users = _members(profile, tenant) if tenant else {}
        if tenant and users:
            shops.append(DemoShop(tenant, users))
    return shops


def _tenants(profiles: Sequence[Profile]) -> Sequence[Tenant]:
    return list(Tenant.objects.filter(slug__in=[profile.slug for profile in profiles]))


def _members(profile: Profile, tenant: Tenant) -> dict[str, User]:
    roles = {_email_of(profile, member.role): member.role for member in profile.members}
    with enter(tenant.id, suspended=True):
        memberships = Membership.objects.filter(user__email_folded__in=roles).select_related("user")
        people = {roles[each.user.email_folded]: each.user for each in memberships}
    return {role: people[role] for role in roles.values() if role in people}


def make_shop(profile: Profile, making: Making) -> DemoShop:
    """Make a shop, or finish one that was left empty; its people can't sign in yet.

    Raises `NotOursError` where the slug or a user name belongs to somebody else.
    """
    plan = plan_shop(profile, seed=making.seed, scale=making.scale, end=making.end)
    tenant = next(iter(_tenants([profile])), None)
    if tenant is None:
        tenant = create_tenant(slug=profile.slug, name=profile.name, **profile.settings)
    with enter(tenant.id) as info:
        # Two at once: the second waits here, and then finds the shop taken.
        lock_in_tenant("demo")
        _require_ours(tenant, profile)
        _add_missing_roles()
        users = _add_people(profile)
        staff = users["staff"]
        with context.acting(info, Actor(staff.id, staff.display_name, staff.email)):
            plant_shop(plan)
    return DemoShop(tenant, users)


def _require_ours(tenant: Tenant, profile: Profile) -> None:
    empty = not Membership.every.exists() and not list_products().exists()
    if not empty or tenant.name != profile.name:
        raise NotOursError(f"There is a shop {tenant.slug!r} already, and it is not the demo's.")


def _add_missing_roles() -> None:
    """A kill between the making of a tenant and of its roles leaves it without."""
    there = set(Role.objects.values_list("slug", flat=True))
    missing = [Role(slug=slug, name=slug) for slug in BUILT_IN_ROLES if slug not in there]
    Role.objects.bulk_create(missing)


def _add_people(profile: Profile) -> dict[str, User]:
    users = {}
    for member in profile.members:
        user = _user(
            username_of(profile, member.role), _email_of(profile, member.role), name=member.name
        )
        add_member(user=user, roles=[member.role])
        users[member.role] = user
    return users


def make_platform_user() -> User:
    """The platform's own superuser. Raises `NotOursError` where somebody else has the name."""
    return _user(
        PLATFORM_USERNAME, f"{PLATFORM_USERNAME}@{_DOMAIN}", is_staff=True, is_superuser=True
    )


def _user(username: str, email: str, **values: Any) -> User:
    user = User.objects.filter(username_folded=fold(username)).first()
    if user is None:
        return User.objects.create_user(username, None, email=email, **values)
    if user.email != email:
        raise NotOursError(f"There is a user {username!r} already, and it is not the demo's.")
    return user

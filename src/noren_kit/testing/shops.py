"""Tenants with people in every role, and HTTP clients signed in as them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.hashers import make_password
from rest_framework.test import APIClient

from noren_kit.accounts import tokens
from noren_kit.accounts.models import Membership, MembershipRole, Role, User
from noren_kit.accounts.provisioning import add_member, create_tenant
from noren_kit.accounts.rights import BUILT_IN_ROLES
from noren_kit.accounts.standing import affiliations
from noren_kit.core.context import Actor
from noren_kit.tenancy.entering import enter
from noren_kit.tenancy.models import Tenant

PASSWORD = "correct horse battery"  # noqa: S105  of people in tests
_numbers = itertools.count(1)


class Client(APIClient):
    """An API client that answers errors like a server does, instead of raising them."""

    def __init__(self, token: str | None = None, **headers: str) -> None:
        super().__init__(raise_request_exception=False)
        if token is not None:
            headers["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        self.credentials(**headers)


@dataclass
class Shop:
    """A tenant with one user in each built-in role."""

    tenant: Tenant
    users: dict[str, User] = field(default_factory=dict)

    def token(self, role: str) -> str:
        user = self.users[role]
        affiliation = next(
            each for each in affiliations(user.id) if each.tenant_id == self.tenant.id
        )
        return tokens.open_session(user=user, affiliation=affiliation).access

    def client(self, role: str = "owner") -> Client:
        """A client signed in as the shop's user of that role."""
        return Client(self.token(role))

    def actor(self, role: str = "owner") -> Actor:
        user = self.users[role]
        return Actor(user.id, user.display_name, user.email, frozenset({role}))

    def hire(self, role: str, permissions: Iterable[str]) -> Client:
        """A client signed in as a new member, whose only role is a new one of these rights."""
        user = User.objects.create_user(f"{self.tenant.slug}-{role}", PASSWORD, name=role)
        self.users[role] = user
        with enter(self.tenant.id):
            Role.objects.create(slug=role, name=role, permissions=sorted(permissions))
            add_member(user=user, roles=[role])
        return self.client(role)

    def entered(self, role: str = "owner") -> Any:
        """A context inside the tenant, acting as the user of that role."""
        return enter(self.tenant.id, actor=self.actor(role))


def make_shop(**settings: Any) -> Shop:
    """A new shop; `settings` are the tenant's fields, yen and 10 % by default."""
    number = next(_numbers)
    slug = settings.pop("slug", f"shop-{number}")
    tenant = create_tenant(slug=slug, name=settings.pop("name", slug.title()), **settings)
    shop = Shop(tenant)
    password = make_password(PASSWORD)
    for role in BUILT_IN_ROLES:
        email = f"{role}@{slug}.example"
        user = User(username=f"{slug}-{role}", email=email, name=f"{role} {number}")
        user.password = password
        user.fold_names()
        shop.users[role] = user
    with enter(tenant.id):
        _hire_all(shop)
    return shop


def _hire_all(shop: Shop) -> None:
    """What `create_user` and `add_member` do for one person, for all of a shop at once."""
    User.objects.bulk_create(shop.users.values())
    roles = {role.slug: role for role in Role.objects.all()}
    members = {slug: Membership(user=user) for slug, user in shop.users.items()}
    Membership.objects.bulk_create(members.values())
    MembershipRole.objects.bulk_create(
        MembershipRole(membership=members[slug], role=roles[slug]) for slug in shop.users
    )


def make_superuser(username: str = "platform") -> User:
    """A person of the platform's staff, without any membership."""
    return User.objects.create_superuser(username, PASSWORD)

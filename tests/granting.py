"""What the tests of members, roles and keys share: people with roles of their own, the log."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from django.utils import timezone

from noren_kit.accounts import tokens
from noren_kit.accounts.api_keys import new_secret
from noren_kit.accounts.models import ApiKey, Membership, Role, User
from noren_kit.accounts.provisioning import add_member
from noren_kit.accounts.standing import affiliations
from noren_kit.audit.models import AccessEntry
from noren_kit.testing.shops import PASSWORD, Client, Shop, make_superuser

API = "/api/v1/"
MEMBERS, ROLES, KEYS = f"{API}members/", f"{API}roles/", f"{API}api-keys/"
TENANTS, SETTINGS, LOG = f"{API}tenants/", f"{API}settings/", f"{API}audit/access/"
ADMIN = [
    *(
        f"accounts.{verb}_{model}"
        for verb in ("view", "add", "change", "delete")
        for model in ("membership", "role", "apikey")
    ),
    "catalog.view_product",
]
_numbers = itertools.count(1)


def hire(shop: Shop, name: str, *permissions: str, roles: tuple[str, ...] = ()) -> User:
    """A new member with a role of these rights and these other roles; `shop.client(name)`."""
    user = User.objects.create_user(
        f"{name}-{next(_numbers)}", PASSWORD, email=f"{name}@hired.example", name=name
    )
    shop.users[name] = user
    with shop.entered():
        if permissions:
            Role.objects.create(slug=name, name=name, permissions=list(permissions))
            roles = (name, *roles)
        add_member(user=user, roles=roles)
    return user


def admin(shop: Shop) -> Client:
    """Someone who manages members, roles and keys, and may hardly anything else."""
    hire(shop, "admin", *ADMIN)
    return shop.client("admin")


def platform(**headers: str) -> Client:
    """A superuser of the platform, outside of any tenant unless the header names one."""
    user = User.objects.filter(is_superuser=True).first() or make_superuser()
    return Client(tokens.open_session(user=user, affiliation=None).access, **headers)


def member(shop: Shop, name: str) -> str:
    """The id of a person's membership."""
    with shop.entered():
        return str(Membership.objects.get(user=shop.users[name]).id)


def role(shop: Shop, slug: str) -> str:
    with shop.entered():
        return str(Role.objects.get(slug=slug).id)


def make_key(shop: Shop, name: str, *scopes: str, **values: Any) -> tuple[Client, str]:
    """A key that `name` made: a client that uses it, and its id."""
    secret = new_secret()
    with shop.entered(name):
        key = ApiKey.objects.create(
            name="till", prefix=secret.prefix, digest=secret.digest, scopes=list(scopes), **values
        )
    return with_key(secret.text), str(key.id)


def with_key(secret: str) -> Client:
    return Client(HTTP_AUTHORIZATION=f"Api-Key {secret}")


def accept(shop: Shop, membership: str, user: User, name: str) -> Client:
    """Accept an invitation, and sign in to the tenant by it."""
    with shop.entered():
        assert Membership.objects.filter(id=membership, user=user, accepted_at=None).update(
            accepted_at=timezone.now()
        )
    shop.users[name] = user
    return shop.client(name)


def entries(shop: Shop, kind: AccessEntry.Kind, tenant_id: uuid.UUID | None = None) -> list[Any]:
    """The log's entries of a kind, oldest first."""
    with shop.entered():
        return list(AccessEntry.objects.filter(kind=kind).order_by("occurred_at", "id"))


def belongs(user: User, shop: Shop) -> bool:
    return shop.tenant.id in {each.tenant_id for each in affiliations(user.id)}

"""What the built-in roles may do, and the one test for one right.

A right is Django's `app.verb_model` codename. Built-in roles state patterns over them; a
tenant's own roles list codenames. `app.verb_own_model` is the same right over one's own rows
alone (`row_rules.OwnRows`); whoever holds the broad right holds that one too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from functools import lru_cache

from noren_kit.core import context
from noren_kit.core.context import Actor

BUILT_IN_ROLES: dict[str, tuple[str, ...]] = {
    "viewer": ("*.view_*",),
    "staff": ("*.view_*", "*.add_*", "*.change_*"),
    "manager": (
        "*.view_*",
        "*.add_*",
        "*.change_*",
        "*.delete_*",
        "*.restore_*",
        "*.bulk_*",
        "*.manage_*",
        "*.override_*",
    ),
    "owner": ("*",),
}
# Each includes those before it.
LADDER = tuple(BUILT_IN_ROLES)
# Roles whose holders count as the tenant's staff (the `is_staff` claim).
STAFF_ROLES = frozenset({"staff", "manager", "owner"})

# Of these apps others than the owner see at most; of these resources they see nothing.
_OWNERS_APPS = frozenset({"accounts", "tenancy", "webhooks"})
_OWNERS_ALONE = frozenset({"accounts.view_apikey"})
_NOT_BELOW_MANAGER = frozenset({"audit"})
_OWN = "_own_"


def right_for(app: str, verb: str, model: str) -> str:
    return f"{app}.{verb}_{model}"


def own(right: str) -> str:
    """The right over one's own rows: `orders.view_order` gives `orders.view_own_order`."""
    verb, _, model = right.rpartition("_")
    return f"{verb}{_OWN}{model}"


def broad(right: str) -> str:
    """The right over all rows that includes `right`; most rights are that already."""
    app, _, codename = right.partition(".")
    return f"{app}.{codename.replace(_OWN, '_', 1)}"


@lru_cache(maxsize=4096)
def _built_in_grants(role: str, right: str) -> bool:
    if role != "owner":
        app, _, codename = right.partition(".")
        if app in _OWNERS_APPS and (right in _OWNERS_ALONE or not codename.startswith("view_")):
            return False
        if app in _NOT_BELOW_MANAGER and role != "manager":
            return False
    return any(fnmatchcase(right, pattern) for pattern in BUILT_IN_ROLES.get(role, ()))


def _lists(codenames: Collection[str], right: str) -> bool:
    return right in codenames or broad(right) in codenames


def holds(roles: Iterable[str], permissions: Collection[str], right: str) -> bool:
    """Whether roles and listed permissions together include `right`."""
    whole = broad(right)
    return _lists(permissions, right) or any(_built_in_grants(role, whole) for role in roles)


def actor_may(actor: Actor, right: str) -> bool:
    """Whether `actor` holds a right: a key what is in its scopes and its maker may now."""
    if actor.scopes is not None and not _lists(actor.scopes, right):
        return False
    return actor.is_superuser or holds(actor.roles, actor.permissions, right)


def may(right: str) -> bool:
    """Whether the acting caller holds a right in the entered tenant; nobody holds none."""
    actor = context.actor()
    return actor is not None and actor_may(actor, right)


def missing(actor: Actor, rights: Iterable[str]) -> set[str]:
    """Those of `rights` that `actor` does not hold, and so may not grant either."""
    return {right for right in rights if not actor_may(actor, right)}


def holds_all(actor: Actor, rights: Iterable[str]) -> bool:
    return not missing(actor, rights)


def has_role(actor: Actor, role: str) -> bool:
    """Whether `actor` holds `role`, or a built-in one further up the ladder.

    Platform superusers count as holders of every role. API keys hold none: what a key may is
    said by its scopes.
    """
    if actor.is_key:
        return False
    if actor.is_superuser:
        return True
    sufficient = LADDER[LADDER.index(role) :] if role in LADDER else (role,)
    return not actor.roles.isdisjoint(sufficient)

"""What the built-in roles may do, and the test for one right.

A right is Django's `app.verb_model` codename. Built-in roles state patterns over them; a
tenant's own roles list codenames.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache

# Apps whose resources a member of staff adds to and changes are named by the project.
_TEAM = ("accounts.*", "tenancy.*", "webhooks.*")

BUILT_IN_ROLES: dict[str, tuple[str, ...]] = {
    "viewer": ("*.view_*",),
    "staff": ("*.view_*", "*.add_*", "*.change_*"),
    "manager": ("*.view_*", "*.add_*", "*.change_*", "*.delete_*", "*.manage_*", "*.override_*"),
    "owner": ("*",),
}
# Roles whose holders count as the tenant's staff (the `is_staff` claim).
STAFF_ROLES = frozenset({"staff", "manager", "owner"})


@lru_cache(maxsize=4096)
def _built_in_grants(role: str, right: str) -> bool:
    if role != "owner" and any(fnmatchcase(right, pattern) for pattern in _TEAM):
        return fnmatchcase(right, "*.view_*")
    return any(fnmatchcase(right, pattern) for pattern in BUILT_IN_ROLES.get(role, ()))


def holds(roles: Iterable[str], permissions: Iterable[str], right: str) -> bool:
    """Whether roles and listed permissions together include `right`."""
    return right in permissions or any(_built_in_grants(role, right) for role in roles)

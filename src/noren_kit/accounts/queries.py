"""Reads of members."""

from __future__ import annotations

from collections.abc import Collection

from noren_kit.accounts.models import MembershipRole


def emails_of_members(roles: Collection[str]) -> list[str]:
    """Addresses of the entered tenant's active members who hold one of `roles`, each once."""
    held = MembershipRole.objects.filter(
        role__slug__in=list(roles),
        membership__deleted_at=None,
        membership__accepted_at__isnull=False,
        membership__user__is_active=True,
    ).exclude(membership__user__email="")
    addresses = held.values_list("membership__user__email", flat=True)
    return sorted(set(addresses))

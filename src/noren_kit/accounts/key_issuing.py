"""API keys over their life: issued, changed, rotated, revoked.

A key acts for the member who made it, so a secret is handed to nobody who holds less than the
key's scopes, and no change leaves a key with more than the one who changed it holds.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from noren_kit.accounts.api_keys import Secret, new_secret
from noren_kit.accounts.granting import (
    caller,
    lock_grants,
    require_may_grant,
    require_not_outranked,
)
from noren_kit.accounts.models import ApiKey, Membership
from noren_kit.audit.models import AccessEntry
from noren_kit.audit.recording import record_change
from noren_kit.core.errors import Forbidden

# What of a key may be changed, and the log tells of.
_CHANGEABLE = ("name", "scopes", "networks", "expires_at")


class NotAMember(Forbidden):
    """403: platform staff who entered a tenant are not in it."""

    code = "not_a_member"
    message = _("A key acts for a member, and you are none of this tenant's.")


def issue_key(*, values: dict[str, Any]) -> tuple[ApiKey, Secret]:
    """A new key of the caller with `name`, `scopes`, `networks`, `expires_at`, and its secret.

    Raises `NotAMember`, `GrantsTooMuch`.
    """
    lock_grants()
    actor = caller("accounts.add_apikey")
    members = Membership.objects.filter(user_id=actor.user_id, accepted_at__isnull=False)
    if not members.exists():
        raise NotAMember
    require_may_grant(actor, values["scopes"])
    secret = new_secret()
    key: ApiKey = ApiKey.objects.create(prefix=secret.prefix, digest=secret.digest, **values)
    record_change(AccessEntry.Kind.KEY_CREATED, **_label(key), **_shown(key))
    return key, secret


def change_key(*, key: ApiKey, values: dict[str, Any]) -> ApiKey:
    """Change a key, anybody's; the caller holds `lock_grants`.

    Raises `GrantsTooMuch` unless the caller holds every scope of the key as it will be.
    """
    actor = caller("accounts.change_apikey")
    before = _shown(key)
    for name, value in values.items():
        setattr(key, name, value)
    require_may_grant(actor, key.scopes)
    after = _shown(key)
    changes = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
    if changes:
        key.save()
        record_change(AccessEntry.Kind.KEY_CHANGED, **_label(key), changes=changes)
    return key


def rotate_key(*, key: ApiKey, overlap: dt.timedelta) -> Secret:
    """Give a key a new secret; the one before opens for `overlap` more. Holds `lock_grants`.

    Raises `Outranked` unless the caller holds every scope: the new secret acts as its maker.
    """
    actor = caller("accounts.change_apikey")
    require_not_outranked(actor, key.scopes)
    secret = new_secret(key.prefix)
    until = timezone.now() + overlap if overlap else None
    key.previous_digest = key.digest if until else ""
    key.previous_expires_at = until
    key.digest = secret.digest
    key.save()
    record_change(
        AccessEntry.Kind.KEY_ROTATED,
        **_label(key),
        overlap_seconds=int(overlap.total_seconds()),
    )
    return secret


def revoke_key(*, key: ApiKey) -> None:
    """End a key at once; taking away needs no rights but that of doing it."""
    caller("accounts.delete_apikey")
    ApiKey.objects.filter(id=key.id).touch(deleted_at=timezone.now())
    record_change(AccessEntry.Kind.KEY_REVOKED, **_label(key))


def _label(key: ApiKey) -> dict[str, Any]:
    return {"key_id": str(key.id), "prefix": key.prefix}


def _shown(key: ApiKey) -> dict[str, Any]:
    values = {name: getattr(key, name) for name in _CHANGEABLE}
    expires_at = values["expires_at"]
    return {**values, "expires_at": expires_at.isoformat() if expires_at else None}

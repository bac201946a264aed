"""API keys over their life: issued, changed, rotated, revoked.

A key acts for the member who made it, so a secret is handed to nobody else: its maker alone
rotates it, others revoke it. No change leaves a key with more than the one who changed it holds,
and keys neither make nor change keys: what leaked must end when it is revoked.
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
)
from noren_kit.accounts.models import ApiKey, Membership
from noren_kit.audit.models import AccessEntry
from noren_kit.audit.recording import record_change
from noren_kit.core.context import Actor
from noren_kit.core.errors import Conflict, Forbidden

# What of a key may be changed, and the log tells of.
_CHANGEABLE = ("name", "scopes", "networks", "expires_at")


class NotByKey(Forbidden):
    """403: a key that could make or widen keys would outlive its own end."""

    code = "not_by_key"
    message = _("Sign in to do this: keys don't make or change keys.")


class NotItsMaker(Forbidden):
    """403: the secret of a key acts as its maker."""

    code = "not_its_maker"
    message = _("A key is rotated by its maker alone. Revoke it instead.")


class RotationInProgress(Conflict):
    """409: one more rotation would end the secret whose overlap was promised."""

    code = "rotation_in_progress"
    message = _("The secret before this one still opens. Wait, or rotate without an overlap.")


class NotAMember(Forbidden):
    """403: platform staff who entered a tenant are not in it."""

    code = "not_a_member"
    message = _("A key acts for a member, and you are none of this tenant's.")


def _maker(right: str) -> Actor:
    """The caller as they stand now, who must be there in person."""
    actor = caller(right)
    if actor.is_key:
        raise NotByKey
    return actor


def issue_key(*, values: dict[str, Any]) -> tuple[ApiKey, Secret]:
    """A new key of the caller with `name`, `scopes`, `networks`, `expires_at`, and its secret.

    Raises `NotByKey`, `NotAMember`, `GrantsTooMuch`.
    """
    lock_grants()
    actor = _maker("accounts.add_apikey")
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

    Raises `NotByKey`, and `GrantsTooMuch` unless the caller holds every scope of the key as it
    will be.
    """
    actor = _maker("accounts.change_apikey")
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

    Raises `NotByKey`, `NotItsMaker`, and `RotationInProgress` while an overlap runs, unless the
    new one has none.
    """
    actor = _maker("accounts.change_apikey")
    if key.created_by_id != actor.user_id:
        raise NotItsMaker
    now = timezone.now()
    if overlap and key.previous_expires_at is not None and key.previous_expires_at > now:
        raise RotationInProgress
    secret = new_secret(key.prefix)
    until = now + overlap if overlap else None
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

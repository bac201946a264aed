"""API keys: made, read from a header, and their use noted. The secret is shown once.

A key reads `nrn_<prefix>_<secret>`: the fixed start is what secret scanners look for, the
prefix finds the row, the secret is 256 random bits.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from dataclasses import dataclass

from django.db import connection

from noren_kit.accounts.models import ApiKey
from noren_kit.audit.models import AccessEntry
from noren_kit.audit.recording import record
from noren_kit.core.context import Actor
from noren_kit.tenancy.entering import enter

_FORM = re.compile(r"nrn_([a-z2-7]{12})_[A-Za-z0-9_-]{43}\Z")
_PREFIX_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


@dataclass(frozen=True, slots=True)
class Secret:
    """A whole key, which nobody keeps, and what is stored of it."""

    text: str
    prefix: str
    digest: str


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def new_secret(prefix: str | None = None) -> Secret:
    """A new key; with the `prefix` of the one that it takes the place of."""
    prefix = prefix or "".join(secrets.choice(_PREFIX_ALPHABET) for _ in range(12))
    text = f"nrn_{prefix}_{secrets.token_urlsafe(32)}"
    return Secret(text, prefix, digest_of(text))


def prefix_of(text: str) -> str | None:
    """The prefix of a key, None for what has not the form of one."""
    found = _FORM.match(text)
    return found[1] if found else None


def note_use(tenant_id: uuid.UUID, actor: Actor) -> None:
    """Write when a key was used and add it to the log; at most once a minute and key.

    In a transaction of its own, after the request: a request that runs long must not keep the
    others waiting for the key's row. Whoever finds it locked leaves it to the one who did.
    """
    with enter(tenant_id, actor=actor, suspended=True), connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE "{ApiKey._meta.db_table}" SET last_used_at = now()'  # noqa: S608
            f' WHERE tenant_id = %s AND id = (SELECT id FROM "{ApiKey._meta.db_table}"'
            " WHERE tenant_id = %s AND id = %s"
            " AND coalesce(last_used_at < now() - interval '1 minute', true)"
            " FOR NO KEY UPDATE SKIP LOCKED)",
            [tenant_id, tenant_id, actor.credential_id],
        )
        if cursor.rowcount:
            record(AccessEntry.Kind.KEY_USED)

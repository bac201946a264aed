"""Advisory locks that end with the transaction (PostgreSQL documentation, "Advisory Locks")."""

from __future__ import annotations

import hashlib

from django.db import connection

from noren_kit.core import context


def _key(scope: str) -> int:
    digest = hashlib.blake2b(f"{context.tenant_id()}:{scope}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def lock_in_tenant(scope: str) -> None:
    """Wait for the tenant's lock of that name; it is released at commit or rollback."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_key(scope)])

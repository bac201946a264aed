"""Files of a tenant's rows, by names that follow from what they hold, and their sweep.

A file is stored before the row that names it is committed, and is never changed. So a failure in
between, another file in its place, and a row that is removed all leave one that nothing names;
`sweep` finds them.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from noren_kit.core import context

# Of `media/` (`noren_kit.endpoints.media`).
NAME = re.compile(r"[0-9a-f-]{36}/[a-z_]{1,50}/[0-9a-f-]{36}-[0-9a-f]{32}\.(?:jpg|png|webp)\Z")
TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
IMMUTABLE = "public, max-age=31536000, immutable"
BATCH = 500
# What a transaction that is still open may be about to name.
GRACE = timedelta(days=1)


def keep_file(content: bytes, *, kind: str, row: uuid.UUID, extension: str) -> str:
    """Store a file for a row of the tenant, and return its name. Raises `Unavailable`."""
    digest = hashlib.sha256(content).hexdigest()[:32]
    name = f"{context.tenant_id()}/{kind}/{row}-{digest}.{extension}"
    file: Any = ContentFile(content)
    file.content_type = TYPES[extension]
    return str(default_storage.save(name, file))


def address_of(name: str) -> str | None:
    """Where a kept file is read, None for no name; what is an address already stays as it is."""
    if not name or "://" in name:
        return name or None
    return f"{settings.MEDIA_URL}{name}"


def sweep(kind: str, named: Collection[str]) -> int:
    """Remove files of the tenant of a kind that nobody has named for a day; returns how many.

    At most `BATCH`, as the transaction stays open meanwhile.
    """
    folder = f"{context.tenant_id()}/{kind}"
    try:
        _folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return 0
    removed, youngest = 0, timezone.now() - GRACE
    for file in files:
        name = f"{folder}/{file}"
        if name not in named and _is_older(name, youngest):
            default_storage.delete(name)
            removed += 1
            if removed == BATCH:
                break
    return removed


def _is_older(name: str, moment: datetime) -> bool:
    try:
        changed: datetime = default_storage.get_modified_time(name)
    except FileNotFoundError:  # Removed, or given its final name, since it was listed.
        return False
    return changed < moment

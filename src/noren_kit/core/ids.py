"""Identifiers: UUID version 7 (RFC 9562, section 5.7), so that keys sort by creation time."""

from __future__ import annotations

import uuid

from uuid_utils import compat


def uuid7() -> uuid.UUID:
    """A new time-ordered identifier."""
    return compat.uuid7()

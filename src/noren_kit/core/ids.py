"""Identifiers: UUID version 7 (RFC 9562, section 5.7), so that keys sort by creation time."""

from __future__ import annotations

import uuid

import uuid_utils
from uuid_utils import compat


def uuid7() -> uuid.UUID:
    """A new time-ordered identifier."""
    return compat.uuid7()


def uuid7_text() -> str:
    """A new identifier as text, at a fifth of the cost: for bulk statements."""
    return str(uuid_utils.uuid7())

"""The version of a row that a change was made from, where its sender states one."""

from __future__ import annotations

from typing import Any

from noren_kit.api.fields import IdField, QuantityField
from noren_kit.api.serializers import StrictSerializer

VERSION = "version"


def version_field() -> QuantityField:
    """How a row of a bulk call states the version that it was made from."""
    return QuantityField(
        min_value=1,
        required=False,
        help_text="The version of the row that the change was made from.",
    )


class RowReference(StrictSerializer):
    """A row by its id, for calls that take no more of it."""

    id = IdField()
    version = version_field()


def version_fault(row: Any, stated: Any) -> dict[str, Any] | None:
    """Why a change from the version `stated` (None: not said) must not be made to a locked row.

    The one place to compare row versions in bulk calls: rows have none yet.
    """
    return None

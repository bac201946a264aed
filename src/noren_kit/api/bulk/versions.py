"""The version of a row that a change was made from, where its sender states one."""

from __future__ import annotations

from noren_kit.api.fields import IdField, QuantityField
from noren_kit.api.serializers import StrictSerializer


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

"""How a serializer writes many rows: together, and its services may do it their own way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from noren_kit.db.rows import update_rows


class BulkWrites:
    """`bulk_create` and `bulk_update` of a model's serializer.

    A serializer whose `create` or `update` calls a service overrides its twin here as well
    (`noren.E011` notices), and both keep to two rules: as many statements for a thousand rows as
    for one, and `RowFaults` by the rows' places for what only some of them break.
    """

    def bulk_create(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        """New rows of these values, in their order."""
        model: Any = self.Meta.model  # type: ignore[attr-defined]
        made: list[Any] = model._default_manager.bulk_create([model(**values) for values in rows])
        return made

    def bulk_update(self, changes: Sequence[tuple[Any, dict[str, Any]]]) -> list[Any]:
        """Rows with these changes, in their order; they are locked."""
        return write_changes(changes)


def write_changes(changes: Sequence[tuple[Any, dict[str, Any]]]) -> list[Any]:
    """Set the values of locked rows and write all of them; one statement."""
    for row, values in changes:
        for name, value in values.items():
            setattr(row, name, value)
    rows = [row for row, _values in changes]
    update_rows(rows, {name for _row, values in changes for name in values})
    return rows

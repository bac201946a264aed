"""Versions: a number on each row that every real change of it raises by one, whoever writes.

What a client's `If-Match` is compared with (docs/guides/versions.md). A trigger does it, so that
bulk writes and raw SQL count as well, and nobody sets it to what they like (ADR 0016).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models

from noren_kit.db.constraints import LateTableSql

# Of the writing itself, and not of what was written.
_OF_WRITING = ("version", "updated_at", "updated_by_id")


class Versioned(LateTableSql):
    """An update raises `version` by one if it changes more than `derived` columns.

    What the statement itself says of `version` counts for nothing. The trigger's function
    belongs to this table alone: it names the columns that are left out, and no other, so a
    column that is added later counts by itself.
    """

    def __init__(self, *, name: str, derived: Sequence[str] = ()) -> None:
        super().__init__(name=name)
        self.derived = tuple(sorted(derived))

    def triggers(self) -> list[str]:
        """The names of the triggers that must be on the table."""
        return [self.name]

    def statements(self, table: str, quote: Any, model: type[models.Model]) -> list[str]:
        columns = [quote(each) for each in (*_OF_WRITING, *self.derived)]
        as_before = " ".join(f"probe.{each} := OLD.{each};" for each in columns)
        function = quote(f"{self.name}_raise")
        # `*<>` compares the stored bytes, of any type.
        return [
            f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $body$"
            f" DECLARE probe record := NEW; BEGIN {as_before}"
            " NEW.version := OLD.version + (probe *<> OLD)::int; RETURN NEW; END $body$",
            f"CREATE TRIGGER {quote(self.name)} BEFORE UPDATE ON {table} FOR EACH ROW"
            f" WHEN (OLD.* *<> NEW.*) EXECUTE FUNCTION {function}()",
        ]

    def undo_statements(self, table: str, quote: Any) -> list[str]:
        return [
            f"DROP TRIGGER {quote(self.name)} ON {table}",
            f"DROP FUNCTION {quote(f'{self.name}_raise')}()",
        ]

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        if self.derived:
            kwargs["derived"] = list(self.derived)
        return path, tuple(args), kwargs

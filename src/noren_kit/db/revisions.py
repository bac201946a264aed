"""Revisions: a counter per tenant and collection that every writing transaction raises.

What a cache's keys hold (docs/guides/caching.md). Triggers do it, so that bulk writes, raw SQL
and COPY count as well. Their functions come with the tenancy app's migrations, which a migration
that adds one of these constraints must depend on (ADR 0012).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from noren_kit.db.constraints import TableSql

# Local to the transaction: what it changed, and whether a settlement stands in its queue.
CHANGED_SETTING = "noren.changed"
DUE_SETTING = "noren.due"

# True once in a transaction, until the settlement; CASE keeps the order of the two.
_FIRST = (
    f"CASE WHEN coalesce(current_setting('{DUE_SETTING}', true), '') = ''"
    f" THEN set_config('{DUE_SETTING}', '1', true) = '1' ELSE false END"
)
_SETTLE = (
    "CREATE CONSTRAINT TRIGGER {settle} AFTER {events} ON {table}"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ({condition})"
    " EXECUTE FUNCTION noren_settle_at_commit()"
)
_NOTE = (
    "CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {tables}"
    " FOR EACH STATEMENT EXECUTE FUNCTION {function}({arguments})"
)
_NOTES = {
    "made": ("INSERT", "NEW TABLE AS now"),
    "changed": ("UPDATE", "OLD TABLE AS before NEW TABLE AS now"),
    "gone": ("DELETE", "OLD TABLE AS before"),
}
# Rows that count stand in one table of a collection; what others find there is theirs to keep.
_START = (
    "UPDATE tenancy_revision SET number = number + 1{reset} WHERE collection = {collection}",
    "INSERT INTO tenancy_revision AS r (tenant_id, id, collection, number, live)"
    " SELECT tenant_id, gen_random_uuid(), {collection}, 1, {live} FROM {table} GROUP BY tenant_id"
    " ON CONFLICT (tenant_id, collection) DO {conflict}",
    # Policies can't be forced again while checks of the new rows wait.
    "SET CONSTRAINTS ALL IMMEDIATE",
    "SET CONSTRAINTS ALL DEFERRED",
)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class RevisionTriggers(TableSql):
    """A constraint made of triggers, added at the end of the migration."""

    kinds: Sequence[str] = ()

    def _named(self, kind: str, quote: Any) -> str:
        name: str = quote(f"{self.name}_{kind}")
        return name

    def triggers(self) -> list[str]:
        """The names of the triggers that must be on the table."""
        return [f"{self.name}_{kind}" for kind in self.kinds]

    def undo_statements(self, table: str, quote: Any) -> list[str]:
        return [f"DROP TRIGGER {quote(name)} ON {table}" for name in self.triggers()]

    def create_sql(  # type: ignore[override]
        self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor
    ) -> str:
        schema_editor.deferred_sql.append(super().create_sql(model, schema_editor))
        return ""

    def constraint_sql(  # type: ignore[override]
        self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor
    ) -> None:
        self.create_sql(model, schema_editor)


class Revised(RevisionTriggers):
    """A transaction that writes rows of this table raises `collection`'s revision by one.

    With `live`, the revision also counts the table's rows without `deleted_at`. `apart` maps
    columns to other collections: an update raises the collection of each such column that it
    changes, and this one only if it changes anything else.
    """

    kinds = ("made", "changed", "gone", "settle")

    def __init__(
        self,
        *,
        name: str,
        collection: str,
        apart: Mapping[str, str] | None = None,
        live: bool = False,
    ) -> None:
        super().__init__(name=name)
        self.collection, self.apart, self.live = collection, dict(apart or {}), live
        for each in (collection, *self.apart.values()):
            if not each or any(character.isspace() for character in each):
                raise ValueError(f"{each!r} names no collection: {name}")

    def statements(self, table: str, quote: Any, model: type[models.Model]) -> list[str]:
        arguments = [self.collection, "live" if self.live else "", *self._apart_argument()]
        live = "count(*) FILTER (WHERE deleted_at IS NULL)" if self.live else "0"
        names = {
            "table": table,
            "collection": _literal(self.collection),
            "live": live,
            "reset": ", live = 0" if self.live else "",
            "conflict": "UPDATE SET live = EXCLUDED.live" if self.live else "NOTHING",
        }
        both = (table, quote("tenancy_revision"))
        return [
            *(f"ALTER TABLE {each} NO FORCE ROW LEVEL SECURITY" for each in both),
            *(each.format(**names) for each in _START),
            *(f"ALTER TABLE {each} FORCE ROW LEVEL SECURITY" for each in both),
            *(
                _NOTE.format(
                    name=self._named(kind, quote),
                    event=event,
                    table=table,
                    tables=tables,
                    function="noren_note_apart" if self._compares(kind) else "noren_note",
                    arguments=", ".join(map(_literal, arguments)),
                )
                for kind, (event, tables) in _NOTES.items()
            ),
            _SETTLE.format(
                settle=self._named("settle", quote),
                events="INSERT OR UPDATE OR DELETE",
                table=table,
                condition=_FIRST,
            ),
        ]

    def _compares(self, kind: str) -> bool:
        return kind == "changed" and bool(self.apart)

    def _apart_argument(self) -> list[str]:
        return [json.dumps(self.apart, sort_keys=True)] if self.apart else []

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        kwargs["collection"] = self.collection
        if self.apart:
            kwargs["apart"] = self.apart
        if self.live:
            kwargs["live"] = True
        return path, tuple(args), kwargs


class RevisedForAll(RevisionTriggers):
    """For a global table: changing one of `columns` raises a revision that all tenants read."""

    kinds = ("changed", "settle")

    def __init__(self, *, name: str, collection: str, columns: Sequence[str]) -> None:
        super().__init__(name=name)
        self.collection, self.columns = collection, tuple(columns)

    def statements(self, table: str, quote: Any, model: type[models.Model]) -> list[str]:
        columns = [quote(column) for column in self.columns]
        old, new = (", ".join(f"{row}.{each}" for each in columns) for row in ("OLD", "NEW"))
        differs = f"ROW({old}) IS DISTINCT FROM ROW({new})"
        events = f"UPDATE OF {', '.join(columns)}"
        return [
            f"CREATE TRIGGER {self._named('changed', quote)} AFTER {events} ON {table}"
            f" FOR EACH ROW WHEN ({differs})"
            f" EXECUTE FUNCTION noren_note_for_all({_literal(self.collection)})",
            _SETTLE.format(
                settle=self._named("settle", quote),
                events=events,
                table=table,
                condition=f"CASE WHEN {differs} THEN {_FIRST} ELSE false END",
            ),
        ]

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        values = {"collection": self.collection, "columns": list(self.columns)}
        return path, tuple(args), {**kwargs, **values}


def live_collection(model: type[models.Model]) -> str | None:
    """The collection whose revision counts the live rows of `model`, if one does."""
    for each in model._meta.constraints:
        if isinstance(each, Revised) and each.live:
            return each.collection
    return None


def collection_of(model: type[models.Model]) -> str | None:
    """The collection whose revision rises when rows of `model` are written, if there is one."""
    for each in model._meta.constraints:
        if isinstance(each, Revised | RevisedForAll):
            return each.collection
    return None

"""History: what a table's rows were, kept by triggers for every way of writing.

`Recorded` puts statement triggers with transition tables on a table, so that bulk writes, raw
SQL and COPY are seen like anything else, at one further INSERT for each statement. Their functions
come with the audit app's migrations, the last of which a migration that adds the constraint must
depend on (ADR 0021).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import models

from noren_kit.db.constraints import LateTableSql

# Local to the transaction: who writes, by which credential, for which request, under which name.
CAUSE_SETTING = "app.cause"
_NOBODY = "-"
# Moving by themselves they are no change.
QUIET_COLUMNS = ("version", "updated_at", "updated_by_id")

_TRIGGER = (
    "CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {tables}"
    " FOR EACH STATEMENT EXECUTE FUNCTION noren_record_change({arguments})"
)
# A statement's trigger costs the same whether or not it leaves anything; a condition, a tenth.
_ROW_TRIGGER = (
    "CREATE TRIGGER {name} AFTER UPDATE ON {table} FOR EACH ROW"
    " WHEN (to_jsonb(OLD) - {ignored}::text[] IS DISTINCT FROM to_jsonb(NEW) - {ignored}::text[])"
    " EXECUTE FUNCTION noren_record_row({arguments})"
)
_EVENTS = {
    "made": ("INSERT", "NEW TABLE AS now"),
    "changed": ("UPDATE", "OLD TABLE AS before NEW TABLE AS now"),
    "gone": ("DELETE", "OLD TABLE AS before"),
}


def cause_text(
    *, actor: object = None, credential: object = None, request_id: str = "", name: str = ""
) -> str:
    """A cause as the setting holds it; SQL builds the same in `accounts.standing`."""
    parts = (str(part) if part else _NOBODY for part in (actor, credential, request_id))
    return " ".join([*parts, name])


class Recorded(LateTableSql):
    """Every insert, update and delete of the table's rows leaves a row of history.

    `resource` names the table there for good. Columns that are `ignored` leave none by
    themselves, and no update's values; those that are `masked` leave one without their values.
    `by_row` is for tables whose updates mostly leave nothing: each row is looked at before
    anything is called for it.
    """

    def __init__(
        self,
        *,
        name: str,
        resource: str,
        ignored: Sequence[str] = (),
        masked: Sequence[str] = (),
        by_row: bool = False,
    ) -> None:
        super().__init__(name=name)
        self.resource, self.by_row = resource, by_row
        self.ignored, self.masked = tuple(sorted(ignored)), tuple(masked)

    def triggers(self) -> list[str]:
        """The names of the triggers that must be on the table."""
        return [f"{self.name}_{kind}" for kind in _EVENTS]

    def statements(self, table: str, quote: Any, model: type[models.Model]) -> list[str]:
        lists = ["'{" + ",".join(each) + "}'" for each in (self.ignored, self.masked)]
        arguments = ", ".join([f"'{self.resource}'", *lists])
        return [
            (_ROW_TRIGGER if self.by_row and kind == "changed" else _TRIGGER).format(
                name=quote(f"{self.name}_{kind}"),
                event=event,
                table=table,
                tables=tables,
                ignored=lists[0],
                arguments=arguments,
            )
            for kind, (event, tables) in _EVENTS.items()
        ]

    def undo_statements(self, table: str, quote: Any) -> list[str]:
        return [f"DROP TRIGGER {quote(name)} ON {table}" for name in self.triggers()]

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        kwargs["resource"] = self.resource
        if self.ignored:
            kwargs["ignored"] = list(self.ignored)
        if self.masked:
            kwargs["masked"] = list(self.masked)
        if self.by_row:
            kwargs["by_row"] = True
        return path, tuple(args), kwargs


def recorded_as(model: type[models.Model]) -> Recorded | None:
    """How the history of a model is kept, None where it has none."""
    return next((each for each in model._meta.constraints if isinstance(each, Recorded)), None)


class ExactDecoder(json.JSONDecoder):
    """Numbers of JSON as they stand there: `numeric` columns lose nothing."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "parse_float": Decimal})

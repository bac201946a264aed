"""What PostgreSQL does for a request: its SELECTs, recorded, and their plans, as the API's role.

Recorded where Django hands statements to the driver, whoever wrote them. Statements that enter
a tenant are left out: run again they would enter it again.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction

from noren_kit.tenancy.entering import enter

_READS = re.compile(r"\s*(SELECT|WITH)\b", re.IGNORECASE)
_WRITES = re.compile(r"\b(INSERT INTO|DELETE FROM|MERGE INTO|UPDATE \S+ SET)\b", re.IGNORECASE)

Plan = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Select:
    """A statement that reads, as the driver gets it."""

    sql: str
    params: Any

    @property
    def counts(self) -> bool:
        """Whether it counts a list's rows, and so reads as many as there are, up to a bound."""
        return bool(re.match(r"\s*SELECT (COUNT\(\*\)|n, n >)", self.sql, re.IGNORECASE))


@contextmanager
def recorded_selects(using: str = "default") -> Iterator[list[Select]]:
    """The SELECTs of the block, in their order."""
    seen: list[Select] = []

    def record(execute: Callable[..., Any], sql: Any, params: Any, many: bool, info: Any) -> Any:
        text = str(sql)
        if _READS.match(text) and not _WRITES.search(text) and "set_config" not in text:
            seen.append(Select(text, params))
        return execute(sql, params, many, info)

    with connections[using].execute_wrapper(record):
        yield seen


def plans_of(
    selects: Iterable[Select], tenant_id: uuid.UUID, *, run: bool, using: str = "default"
) -> list[Plan]:
    """The plan of each statement in that tenant; with `run` it is run again, and rows counted."""
    options = "ANALYZE, TIMING OFF, FORMAT JSON" if run else "FORMAT JSON"
    found = []
    with enter(tenant_id, using=using), connections[using].cursor() as cursor:
        for select in selects:
            cursor.execute(f"EXPLAIN ({options}) {select.sql}", select.params)
            (((plan,),),) = cursor.fetchall()
            found.append(plan["Plan"])
        transaction.set_rollback(True, using=using)
    return found


def nodes_of(plan: Plan) -> Iterator[Plan]:
    """The plan's nodes, those of sub-plans too."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes_of(child)


def tables_of(plan: Plan) -> set[str]:
    return {each["Relation Name"] for each in nodes_of(plan) if "Relation Name" in each}


def scanned_whole(plan: Plan) -> set[str]:
    """Tables that are read from end to end."""
    return {each["Relation Name"] for each in nodes_of(plan) if each["Node Type"] == "Seq Scan"}


def _examined(node: Plan) -> float:
    removed = sum(value for name, value in node.items() if name.startswith("Rows Removed"))
    return float((node["Actual Rows"] + removed) * node["Actual Loops"])


def rows_examined(plan: Plan) -> int:
    """Rows of tables that a plan that was run has read, those it threw away at once included.

    PostgreSQL reports means over a node's loops, so that the sum may be off by half a row for
    each loop.
    """
    return round(sum(_examined(node) for node in nodes_of(plan) if "Relation Name" in node))


def scans_of(plan: Plan) -> list[str]:
    """The scans of a plan that was run, for people: what is read, by which index, how much."""
    return [
        f"{round(_examined(node))} rows of {node['Relation Name']} by {node['Node Type']}"
        f" {node.get('Index Name', '')} {node.get('Index Cond', '')}"
        for node in nodes_of(plan)
        if "Relation Name" in node
    ]

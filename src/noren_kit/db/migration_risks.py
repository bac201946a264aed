"""What a migration does to those who work meanwhile: locks that wait or are waited for, and code of
the release before, which runs on the new schema until it has been replaced.

Judged by the operations, from PostgreSQL's documentation of what each statement locks
("Explicit Locking", ALTER TABLE, CREATE INDEX). Tables that the migration itself makes are nobody's
yet. `accepted_risks` of a migration says why its risks are taken (docs/guides/migrations.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.functions import TransactionNow
from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    RemoveIndexConcurrently,
)
from django.db import models
from django.db.migrations import operations as ops
from django.db.migrations.migration import Migration
from django.db.models import expressions, functions
from django.db.models.fields import NOT_PROVIDED

from noren_kit.db.constraints import BinIndex, CompositeTenantForeignKey, TableSql, TenantIsolation


@dataclass(frozen=True, slots=True)
class Risk:
    """`model` names the table in the app's own words, empty where nobody can tell."""

    what: str
    remedy: str
    model: str = ""

    def __str__(self) -> str:
        return f"{self.what}. {self.remedy}"


_OLD_CODE = "Release code that does without it first, and this afterwards"
_IN_TWO = "Add it NOT VALID (AddConstraintNotValid), and validate it in a migration of its own"
_KEY_IN_TWO = (
    "RunSQL: the index concurrently, the key NOT VALID; VALIDATE it in a migration of its own"
)
_BRIEF = "It is brief, and `noren migrate` gives way: do nothing slow in the same migration"
_FILL_LATER = "Add it null, fill it in batches, from a task or a command"
# What is the same for all rows of a statement: PostgreSQL keeps it once, and rewrites nothing.
_STEADY = (
    expressions.CombinedExpression,
    expressions.ExpressionWrapper,
    expressions.Value,
    functions.Cast,
    functions.Coalesce,
    functions.Concat,
    functions.ConcatPair,
    functions.Lower,
    functions.Now,
    functions.Upper,
    TransactionNow,
)
_NEW_COLUMN = (
    r"\badd\s+(?:column\s+)?(?!(?:constraint|primary|unique|foreign|check|exclude)\b)"
    r"(?:[^;,(]|\([^)]*\))*?"
)
_STATEMENTS = (
    (
        _NEW_COLUMN + r"\breferences\b",
        "A column's key locks its table and the one it refers to, to the migration's end",
        _KEY_IN_TWO,
    ),
    (
        _NEW_COLUMN + r"\b(?:unique|primary\s+key)\b",
        "A column's unique index is built under the table's lock",
        "Build it concurrently, and use it",
    ),
    (
        _NEW_COLUMN + r"\b(?:generated|(?:big|small)?serial|default\s+"
        r"(?!(?:now|statement_timestamp|transaction_timestamp)\s*\()[\w.]+\s*\()",
        "A column with a value of its own in each row rewrites the whole table",
        _FILL_LATER,
    ),
    (
        r"\bdrop\s+constraint\b",
        "Dropping a constraint locks everybody out, of both tables if it is a foreign key",
        _BRIEF,
    ),
    (
        r"create\s+(?:unique\s+)?index(?!\s+concurrently)",
        "Building an index holds up writing",
        "CREATE INDEX CONCURRENTLY, in a migration that is not atomic",
    ),
    (
        r"drop\s+index(?!\s+concurrently)",
        "Dropping an index waits for all who use its table",
        "DROP INDEX CONCURRENTLY, in a migration that is not atomic",
    ),
    (
        r"\badd\s+(?:constraint\b|primary\s+key|unique\b|foreign\s+key|check\b)"
        r"(?![^;]*\bnot\s+valid\b)(?![^;]*\busing\s+index\b)",
        "Checking a constraint reads the whole table under its lock",
        _IN_TWO,
    ),
    (
        r"set\s+not\s+null",
        "SET NOT NULL reads the whole table under its lock",
        "Validate a CHECK (… IS NOT NULL) first; PostgreSQL then knows",
    ),
    (
        r"\balter\s+(?:column\s+)?\S+\s+(?:set\s+data\s+)?type\b",
        "Another type rewrites the whole table",
        "Add a column, fill it in batches, and change over",
    ),
    (
        r"\b(?:drop|rename)\s+column\b|\brename\s+to\b|\bdrop\s+table\b",
        "Code of the release before still uses it",
        _OLD_CODE,
    ),
    (
        r"(?:^|;)\s*(?:update|delete\s+from)\b",
        "Writing all rows at once holds their locks to the end",
        "Write in batches, from a task or a command",
    ),
    (
        r"\block\s+table\b|\bvacuum\s+full\b|\bcluster\b|\btruncate\b"
        r"|\breindex\b(?!.*concurrently)",
        "It locks everybody out",
        "Do without",
    ),
)


def risks_of(migration: Migration) -> list[Risk]:
    """The risks of a migration's operations, whether or not they are accepted."""
    made: set[str] = set()
    found: list[Risk] = []
    for operation in migration.operations:
        if isinstance(operation, ops.CreateModel):
            made.add(operation.name_lower)
            continue
        found += [each for each in _risks(operation) if each.model not in made]
    return found


def _risks(operation: Any) -> Iterator[Risk]:
    if isinstance(operation, ops.SeparateDatabaseAndState):
        for each in operation.database_operations:
            yield from _risks(each)
    elif isinstance(operation, ops.RunSQL):
        yield from _risks_of_sql(operation.sql)
    elif isinstance(operation, ops.RunPython):
        yield Risk("Python that nobody can judge runs in the migration", "Say why it is quick")
    elif isinstance(operation, ops.AddField):
        yield from _risks_of_new_field(operation)
    elif isinstance(operation, ops.AlterField):
        yield Risk(
            f"{operation.model_name}.{operation.name} is altered: its type or a check may take"
            " reading or rewriting the whole table",
            "Look at `sqlmigrate`; a new column beside it is safe",
            operation.model_name_lower,
        )
    elif isinstance(operation, ops.RemoveField | ops.RenameField):
        yield Risk(
            f"Code of the release before still uses {operation.model_name}'s column",
            _OLD_CODE,
            operation.model_name_lower,
        )
    elif isinstance(operation, ops.DeleteModel | ops.RenameModel | ops.AlterModelTable):
        yield Risk("Code of the release before still uses the table", _OLD_CODE)
    elif isinstance(operation, ops.AddIndex) and not isinstance(operation, AddIndexConcurrently):
        yield Risk(
            f"Building {operation.index.name} holds up writing to {operation.model_name}",
            "AddIndexConcurrently, with atomic = False",
            operation.model_name_lower,
        )
    elif isinstance(operation, ops.RemoveIndex) and not isinstance(
        operation, RemoveIndexConcurrently
    ):
        yield Risk(
            f"Dropping {operation.name} waits for all who use its table",
            "RemoveIndexConcurrently, with atomic = False",
            operation.model_name_lower,
        )
    elif isinstance(operation, ops.AddConstraint):
        yield from _risks_of_constraint(operation)
    elif isinstance(operation, ops.RemoveConstraint):
        yield Risk(
            f"Dropping {operation.name} locks everybody out of {operation.model_name}, and of the"
            " other table if it is a foreign key",
            _BRIEF,
            operation.model_name_lower,
        )


def _risks_of_new_field(operation: Any) -> Iterator[Risk]:
    field = operation.field
    if field.many_to_many:
        return
    column = f"{operation.model_name}.{operation.name}"
    for what, remedy in _faults_of_column(field):
        yield Risk(f"{column} {what}", remedy, operation.model_name_lower)
    if field.generated:
        return
    if not field.null and field.db_default is NOT_PROVIDED:
        yield Risk(
            f"Code of the release before can't insert into {operation.model_name} without"
            f" {operation.name}",
            "Give it a db_default, or let it be null",
            operation.model_name_lower,
        )


def _faults_of_column(field: Any) -> Iterator[tuple[str, str]]:
    """What PostgreSQL does for a new column with its table locked, and what to do instead."""
    if field.remote_field and field.db_constraint:
        # It reads no rows where all are null.
        reads = "" if field.db_default is NOT_PROVIDED else ", and checks all rows"
        yield (
            "locks its table and the one it refers to, to the migration's end" + reads,
            f"db_constraint=False, and then by {_KEY_IN_TWO}",
        )
    if field.unique:
        yield (
            "builds a unique index under its table's lock",
            "Add it without; build the index concurrently, and use it for the constraint",
        )
    elif field.db_index:
        yield (
            "builds an index under its table's lock",
            "Add it without, and then AddIndexConcurrently, with atomic = False",
        )
    if field.generated or not _is_steady(field.db_default):
        yield "has a value of its own in each row, which rewrites the whole table", _FILL_LATER


def _is_steady(default: Any) -> bool:
    """Whether a default is known to be the same for all rows of one statement."""
    parts = default.flatten() if isinstance(default, expressions.Expression) else ()
    return all(type(part) in _STEADY for part in parts)


def _risks_of_constraint(operation: Any) -> Iterator[Risk]:
    constraint = operation.constraint
    if isinstance(operation, AddConstraintNotValid):
        return
    if isinstance(constraint, CompositeTenantForeignKey):
        what, remedy = "is checked on all rows with both of its tables locked", _KEY_IN_TWO
    elif isinstance(constraint, BinIndex):
        what = "builds an index under the table's lock"
        remedy = "RunSQL: the index concurrently, with this among the state_operations"
    elif isinstance(constraint, TableSql) and not isinstance(constraint, TenantIsolation):
        return  # Of one moment: rights, triggers.
    elif isinstance(constraint, models.CheckConstraint):
        what, remedy = "is checked on all rows under the table's lock", _IN_TWO
    else:
        what, remedy = "builds an index under the table's lock", "Build it concurrently, and use it"
    yield Risk(f"{constraint.name} {what}", remedy, operation.model_name_lower)


def _risks_of_sql(sql: Any) -> Iterator[Risk]:
    texts = (
        [sql]
        if isinstance(sql, str)
        else [part if isinstance(part, str) else part[0] for part in sql]
    )
    for text in texts:
        # What stands in functions runs when they are called.
        outside = re.sub(r"\$(\w*)\$.*?\$\1\$", "", text, flags=re.DOTALL)
        for pattern, what, remedy in _STATEMENTS:
            if re.search(pattern, outside, re.IGNORECASE | re.DOTALL):
                yield Risk(what, remedy)

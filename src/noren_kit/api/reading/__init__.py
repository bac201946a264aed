"""What a serializer shows, read at the speed of a statement written by hand (ADR 0013)."""

from noren_kit.api.reading.columns import NotCompilable
from noren_kit.api.reading.earlier import read_as_of
from noren_kit.api.reading.framework import for_serializer
from noren_kit.api.reading.plans import Plan, compile_plan
from noren_kit.api.reading.rows import (
    Counted,
    ReadRow,
    Representation,
    Statement,
    count_rows,
    count_statement,
    fetch_count,
    ids_statement,
    plan_for,
    read_by_framework,
    read_compiled,
    read_ids,
    read_rows,
    represent,
    shaped,
    shaped_by_id,
    statement_of,
)

__all__ = [
    "Counted",
    "NotCompilable",
    "Plan",
    "ReadRow",
    "Representation",
    "Statement",
    "compile_plan",
    "count_rows",
    "count_statement",
    "fetch_count",
    "for_serializer",
    "ids_statement",
    "plan_for",
    "read_as_of",
    "read_by_framework",
    "read_compiled",
    "read_ids",
    "read_rows",
    "represent",
    "shaped",
    "shaped_by_id",
    "statement_of",
]

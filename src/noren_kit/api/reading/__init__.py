"""What a serializer shows, read at the speed of a statement written by hand (ADR 0013)."""

from noren_kit.api.reading.columns import NotCompilable
from noren_kit.api.reading.earlier import read_as_of
from noren_kit.api.reading.framework import for_serializer
from noren_kit.api.reading.plans import Plan, compile_plan
from noren_kit.api.reading.rows import (
    ReadRow,
    Representation,
    plan_for,
    read_by_framework,
    read_ids,
    read_rows,
    represent,
)

__all__ = [
    "NotCompilable",
    "Plan",
    "ReadRow",
    "Representation",
    "compile_plan",
    "for_serializer",
    "plan_for",
    "read_as_of",
    "read_by_framework",
    "read_ids",
    "read_rows",
    "represent",
]

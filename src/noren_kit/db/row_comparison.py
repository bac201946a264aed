"""Comparison of whole rows, which one index over their columns answers.

`(price, id) <= (…)` is a range of an index on `(tenant, price, id)`, however many rows share a
price; `price < … OR (price = … AND id < …)` reads all of them. Comparisons of bigint, text,
timestamptz and uuid are leakproof, so the range stays one under row-level security.
PostgreSQL documentation, "Row and Array Comparisons".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, F, Func, Value
from django.db.models.sql.compiler import SQLCompiler


class RowComparison(Func):
    """`(name, …) <= (value, …)` for `filter()`: the first terms that differ decide.

    `names` are fields or annotations that are never null: with a null in them no comparison
    holds, and the row is in no page. `values` carry the output field of their term.
    """

    output_field = BooleanField()

    def __init__(
        self, names: Sequence[str], comparison: Literal["<=", ">="], values: Sequence[Value]
    ) -> None:
        if not names or len(names) != len(values):
            raise ValueError(f"{len(names)} terms can't be compared with {len(values)} values.")
        super().__init__(*map(F, names), *values)
        self.comparison = comparison

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, list[Any]]:
        texts: list[str] = []
        params: list[Any] = []
        for expression in self.source_expressions:
            text, values = compiler.compile(expression)
            texts.append(text)
            params.extend(values)
        half = len(texts) // 2
        left, right = ", ".join(texts[:half]), ", ".join(texts[half:])
        return f"({left}) {self.comparison} ({right})", params

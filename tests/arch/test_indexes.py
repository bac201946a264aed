"""No index does what another one of its table does too: each is paid for by every write."""

from __future__ import annotations

from collections import defaultdict
from itertools import permutations

import pytest
from django.db import connection

# Plain ones and unique ones, by columns in their order; those over expressions stand alone.
_INDEXES = """
SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text, i.indisunique,
       i.indkey::int2[], i.indclass::oid[], coalesce(pg_get_expr(i.indpred, i.indrelid), '')
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
 WHERE c.relnamespace = 'public'::regnamespace AND i.indexprs IS NULL
"""


def doubled() -> list[str]:
    by_table = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_INDEXES)
        for table, name, unique, columns, kinds, condition in cursor.fetchall():
            ordered = list(zip(columns, kinds, strict=False))
            by_table[table].append((name, unique, ordered, condition))
    return sorted(
        f"{name} is the beginning of {other}"
        for indexes in by_table.values()
        for (name, unique, columns, condition), (other, _, others, whole) in permutations(
            indexes, 2
        )
        if not unique and others[: len(columns)] == columns and whole in ("", condition)
    )


def test_no_index_is_the_beginning_of_another() -> None:
    assert doubled() == []


@pytest.mark.parametrize(
    ("columns", "found"), [("tenant_id, order_id", True), ("tenant_id, product_id, id", False)]
)
def test_one_that_is_would_be_found(owner, columns: str, found: bool) -> None:  # type: ignore[no-untyped-def]
    owner.connection.execute(f"CREATE INDEX planted ON orders_orderline ({columns})".encode())
    try:
        assert any(each.startswith("planted ") for each in doubled()) == found
    finally:
        owner.connection.execute("DROP INDEX planted")

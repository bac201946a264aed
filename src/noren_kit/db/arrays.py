"""PostgreSQL array literals for bulk statements (`unnest`), where the driver's own are slow.

For a batch of thousands of rows the driver's dumping of each element costs more than the
statement itself. PostgreSQL documentation, "Array Input and Output Syntax".
"""

from __future__ import annotations

from collections.abc import Iterable


def plain_array(values: Iterable[object]) -> str:
    """An array literal, to be cast in the statement: `%(ids)s::uuid[]`.

    The values' texts must be free of commas, braces, quotes, backslashes and blanks, except
    for the blank inside a moment: ids, numbers, moments, names of a choice.
    """
    return "{" + ",".join(map(str, values)) + "}"


def text_array(values: Iterable[str]) -> str:
    """An array literal of any texts without NUL: `%(names)s::text[]`."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"

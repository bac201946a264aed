"""Which way a search takes to its best rows, decided by a look at how frequent its words are.

PostgreSQL keeps no statistics of single words by tenant, so a few index entries of each are
counted. All ways find the same rows; what differs is how many are looked at (ADR 0014).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from noren_kit.db.prepared import fetch_all
from noren_kit.search.folding import Wanted
from noren_kit.search.lookups import (
    Sql,
    code_rows,
    composed,
    counted,
    is_wanted,
    joined,
    of_resource,
    words,
)

FEW_ROWS = 1_000
"""Entries of a word, or codes that begin so, that are all looked at."""
FEW_WORDS = 200
"""Different words that a beginning may have for each of them to be read in its order."""
SAMPLE = 200
"""Of so many of the newest rows it is seen how many match."""
FREQUENT = 2
"""So many of the sample, and a page is found by going through the newest."""


class Way(Enum):
    """How the rows of a page are come by."""

    COLLECT = auto()
    """All that match are collected, ranked and sorted."""
    FOLLOW = auto()
    """The rarest word's rows are read in the index's order until the page is full."""
    WALK = auto()
    """The list is read in its order, and each row asked for the words."""


@dataclass(frozen=True, slots=True)
class Frequency:
    """How many rows and different words a wanted one has; both cut off past the constants."""

    wanted: Wanted
    rows: int
    words: int

    @property
    def is_rare(self) -> bool:
        return self.rows <= FEW_ROWS

    @property
    def has_few_words(self) -> bool:
        return self.words <= FEW_WORDS


@dataclass(frozen=True, slots=True)
class Looks:
    """What was seen of a search: its words, the rarest first, and whether many codes begin so."""

    frequencies: tuple[Frequency, ...]
    many_codes: bool

    @property
    def rarest(self) -> Frequency:
        return self.frequencies[0]

    @property
    def driver(self) -> Frequency | None:
        """The rarest word whose rows can be read in order."""
        return next((each for each in self.frequencies if each.has_few_words), None)


def look(resource: int, wanted: Sequence[Wanted], whole: str) -> Looks:
    """Count entries of each word, by one statement."""
    columns: list[Sql] = [counted(code_rows(resource, whole), FEW_ROWS + 1)]
    for each in wanted:
        entries = composed(
            # In the index's order: by its guesses alone PostgreSQL may read the table instead.
            "SELECT 1 FROM search_term s WHERE {tenant} AND {wanted} ORDER BY s.term",
            tenant=of_resource(resource),
            wanted=is_wanted(each),
        )
        columns.append(counted(entries, FEW_ROWS + 1))
        columns.append(counted(words(resource, each), FEW_WORDS + 1) if each.prefix else Sql("1"))
    asked = composed("SELECT {columns}", columns=joined(", ", *columns))
    ((codes, *found),) = fetch_all(asked.text, asked.values, planned_anew=True)
    frequencies = [
        Frequency(each, rows, different)
        for each, rows, different in zip(wanted, found[::2], found[1::2], strict=True)
    ]
    # Of those past counting, the fewer different words and the longer, the rarer.
    frequencies.sort(key=lambda each: (each.rows, each.words, -len(each.wanted.term)))
    return Looks(tuple(frequencies), codes > FEW_ROWS)

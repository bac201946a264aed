"""What the coherence test knows and what a body shows of it. Nothing here needs Django.

A fact is a whole number that only grows: a price, units added or sold, the number in a name, a
count of rows. Its writer notes on the board what was acknowledged and when; whoever reads after
that must be shown at least as much.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

# `"Category 1 #27"`: fact "Category 1" is at 27.
_NUMBERED = re.compile(rb'"([A-Z][a-z]+ \d+) #(\d+)"')
# A row of that number is made and deleted again; the fact is the last one that is gone.
GONE = "Gone 0"


@dataclass(frozen=True, slots=True)
class Fact:
    """`truth` is a statement that answers what the database holds."""

    name: str
    truth: str


@dataclass(frozen=True, slots=True)
class Place:
    """A member that shows a fact: as `start` and `times` its number."""

    member: str
    fact: int
    start: int = 0
    times: int = 1

    def value(self, shown: Any) -> int:
        return self.start + self.times * int(float(shown))


@dataclass(frozen=True, slots=True)
class Absence:
    """A row that a filter keeps out has a fact of at most that value."""

    row: str
    fact: int
    most: int


@dataclass(frozen=True, slots=True)
class Question:
    """A request that is asked again and again; `places` are those in the answer itself."""

    path: str
    places: tuple[Place, ...] = ()
    absences: tuple[Absence, ...] = ()


@dataclass(frozen=True, slots=True)
class Total:
    """A fact made from others of one writer: their sum, or how many are over `over`; and `base`."""

    fact: int
    base: int
    members: tuple[int, ...]
    over: int | None = None

    def value(self, values: Any) -> int:
        found = [values[member] for member in self.members]
        return self.base + sum(found if self.over is None else (each > self.over for each in found))


@dataclass(slots=True)
class Facts:
    """All facts, and where bodies show them: in texts by their label, in rows by the row's id."""

    all: list[Fact] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    rows: dict[str, list[Place]] = field(default_factory=dict)
    totals: list[Total] = field(default_factory=list)

    def add(self, name: str, truth: str) -> int:
        self.all.append(Fact(name, truth))
        return len(self.all) - 1

    def add_text(self, label: str, table: str, column: str, row: str) -> int:
        """A fact in a text column, as `"<label> #<number>"`."""
        truth = f"SELECT split_part({column}, '#', 2)::bigint FROM {table} WHERE id = '{row}'"
        self.labels[label] = self.add(f"{label} ({table}.{column})", truth)
        return self.labels[label]

    def show(self, row: str, place: Place) -> None:
        self.rows.setdefault(row, []).append(place)

    def shown(self, body: bytes, question: Question) -> dict[int, int]:
        """The facts that a body shows, each with the least value that it shows of it."""
        found: dict[int, int] = {}

        def note(fact: int, value: int) -> None:
            found[fact] = min(value, found.get(fact, value))

        for label, number in _NUMBERED.findall(body):
            name = label.decode()
            note(self.labels[name], int(number) - (name == GONE))
        answer = orjson.loads(body)
        seen = set()
        for row in _objects(answer):
            seen.add(row["id"])
            for place in self.rows.get(row["id"], ()):
                if row.get(place.member) is not None:
                    note(place.fact, place.value(row[place.member]))
        for place in question.places:
            note(place.fact, place.value(answer[place.member]))
        for absence in question.absences:
            if absence.row not in seen:
                note(absence.fact, absence.most)
        return found


def _objects(answer: Any) -> Iterator[dict[str, Any]]:
    """All objects of an answer that have an id, at any depth."""
    waiting = [answer]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if "id" in each:
                yield each
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)


class Board:
    """What was acknowledged, in memory that all processes share; one writer for each fact."""

    def __init__(self, context: Any, facts: int) -> None:
        self.values = context.RawArray("q", facts)
        self.moments = context.RawArray("d", facts)

    def note(self, fact: int, value: int, moment: float) -> None:
        self.moments[fact] = moment
        self.values[fact] = value

    def now(self) -> tuple[list[int], list[float]]:
        """By fact, what was acknowledged up to this moment, and when."""
        return self.values[:], self.moments[:]


def stale(shown: dict[int, int], acknowledged: list[int]) -> list[int]:
    """The facts of which less is shown than was acknowledged."""
    return [fact for fact, value in shown.items() if value < acknowledged[fact]]

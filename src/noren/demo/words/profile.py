"""The shape of what is known of a demo shop before chance is asked: its words and its ranges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Word:
    """A part of a product's name, the same in English, and how far it moves the price."""

    text: str
    gloss: str = ""
    factor: float = 1.0


def words(listed: str) -> tuple[Word, ...]:
    """Words out of `text=gloss*factor; text=gloss; text*factor`."""
    parsed = []
    for item in listed.split("; "):
        rest, _, factor = item.partition("*")
        text, _, gloss = rest.partition("=")
        parsed.append(Word(text, gloss, float(factor or 1)))
    return tuple(parsed)


@dataclass(frozen=True, slots=True)
class Branch:
    """A category; the name of its parent comes before its own in the profile."""

    name: str
    parent: str | None
    tax_class: str  # The code of one of those that Japan has.
    requires_approval: bool = False


@dataclass(frozen=True, slots=True)
class Range:
    """A range of products: every combination of its words may become one.

    `price` is what the plainest of them costs, from and to, in whole currency units; `note` says
    something of all of them in the shop's language and in English.
    """

    category: str
    code: str
    noun: Word
    firsts: tuple[Word, ...]
    seconds: tuple[Word, ...]
    sizes: tuple[Word, ...]
    price: tuple[float, float]
    note: tuple[str, str]
    tags: tuple[str, ...]

    def combinations(self) -> int:
        return len(self.firsts) * len(self.seconds) * len(self.sizes)


@dataclass(frozen=True, slots=True)
class Makers:
    """Brands, and suppliers by code and name, of all that stands below a category."""

    branch: str
    brands: tuple[str, ...]
    suppliers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A person who works in the shop, in one built-in role."""

    role: str
    name: str


@dataclass(frozen=True, slots=True)
class Buyer:
    """Somebody who might buy; `handle` is the part of the address before the @."""

    name: str
    handle: str
    company: str = ""
    tax_number: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything about a shop that is not left to chance."""

    slug: str
    name: str
    settings: dict[str, Any]
    members: tuple[Member, ...]
    branches: tuple[Branch, ...]
    ranges: tuple[Range, ...]
    makers: tuple[Makers, ...]
    tags: tuple[str, ...]
    # How a product is called and described, out of its range's and its own words.
    name_pattern: str
    description_pattern: str
    # Prices are rounded to the step of the first limit they stay below.
    price_steps: tuple[tuple[Decimal, Decimal], ...]
    buyer: Callable[[Any], Buyer]
    comments: dict[int, tuple[str, ...]]
    order_notes: tuple[str, ...]
    # What some products also come in, and what that option is called.
    pack_option: str
    packs: tuple[Word, ...]

    def makers_of(self, category: str) -> Makers:
        """Who makes what stands in a category: named for it or for one above it."""
        parents = {branch.name: branch.parent for branch in self.branches}
        by_branch = {each.branch: each for each in self.makers}
        above: str | None = category
        while above is not None:
            if above in by_branch:
                return by_branch[above]
            above = parents[above]
        raise LookupError(f"{self.slug}: nobody makes {category}.")

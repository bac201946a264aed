"""Text as it is compared: without case, accents and widths, and cut into terms.

The same as the functions of `functions.py` do in PostgreSQL; tests/search/test_folding.py holds
the two against each other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from noren_kit.search.characters import IGNORED, RUN

LONGEST_TERM = 64
"""Characters of a term; what is longer is found by its beginning."""
MOST_TERMS = 500
"""Words, and characters of text without spaces, that are indexed of a row's names or its text."""

_IGNORED, _RUN = re.compile(IGNORED), re.compile(RUN)
_FINAL_SIGMA, _SIGMA = "\u03c2", "\u03c3"


def fold(text: str) -> str:
    """Lower case, compatible forms as one (NFKC), no accents on Latin, Greek and Cyrillic.

    Voiced Japanese kana stay apart from unvoiced ones.
    """
    if text.isascii():
        return text.lower()
    plain = _IGNORED.sub("", unicodedata.normalize("NFKD", text).lower())
    return unicodedata.normalize("NFC", plain).replace(_FINAL_SIGMA, _SIGMA)


def whole_code(text: str) -> str:
    """The term of a code such as a sku, taken whole."""
    return fold(text).strip(" ")[:LONGEST_TERM]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A term that rows must have, or with `prefix` one that begins so."""

    term: str
    prefix: bool = False


def _wanted(word: str) -> Iterator[Wanted]:
    """Of a folded word: all its parts, the last one as far as it goes."""
    for run in _RUN.finditer(word):
        spaceless, plain = run.groups()
        last = run.end() == len(word)
        if plain:
            yield Wanted(plain[:LONGEST_TERM], prefix=last and len(plain) < LONGEST_TERM)
        elif len(spaceless) == 1:
            yield Wanted(spaceless, prefix=True)
        else:
            yield from (Wanted(spaceless[at : at + 2]) for at in range(len(spaceless) - 1))


def wanted_terms(text: str) -> list[Wanted]:
    """What a row must have to be found by `text`: each word, or its two-character parts.

    A word's last part may be the beginning of a longer one: "T-LIGHT/2" wants t, light, and what
    begins with 2.
    """
    words = fold(text).split()
    return list(dict.fromkeys(each for word in words for each in _wanted(word)))

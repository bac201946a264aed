"""What was found, marked in the text that it was found in."""

from __future__ import annotations

import functools
import html
import re
import unicodedata
from collections.abc import Iterator, Sequence

from noren_kit.search.characters import RUN
from noren_kit.search.folding import LONGEST_TERM, Wanted, fold

SNIPPET = 160
"""Characters of a long text that are shown, about."""
_BEFORE = 40
# What lies behind this is hardly indexed, and folding costs time.
_LOOKED_AT = 4_000

_RUN = re.compile(RUN)
Span = tuple[int, int]


@functools.lru_cache(maxsize=8192)
def _goes_on(character: str) -> bool:
    """Whether it belongs to the character before it: an accent, or a part of a syllable."""
    first = unicodedata.normalize("NFKD", character)[:1]
    return bool(unicodedata.combining(first)) or "\u1160" <= first <= "\u11ff"


@functools.lru_cache(maxsize=8192)
def _folded(cluster: str) -> str:
    return fold(cluster)


def _aligned(text: str) -> tuple[str, Sequence[Span]]:
    """The folded text, and for each of its characters the span of `text` that it comes from."""
    if text.isascii():
        return text.lower(), [(at, at + 1) for at in range(len(text))]
    folded: list[str] = []
    spans: list[Span] = []
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and not text[end].isascii() and _goes_on(text[end]):
            end += 1
        part = _folded(text[start:end])
        folded.append(part)
        spans += [(start, end)] * len(part)
        start = end
    return "".join(folded), spans


def _found(folded: str, wanted: Sequence[Wanted]) -> Iterator[Span]:
    """Where the wanted terms stand in a folded text."""
    whole = {each.term for each in wanted}
    beginnings = tuple(each.term for each in wanted if each.prefix)
    for run in _RUN.finditer(folded):
        start, end = run.span()
        if run.group(2):
            term = run.group(2)[:LONGEST_TERM]
            if term in whole or term.startswith(beginnings):
                yield start, end
            continue
        for at in range(start, end):
            for length in (1, 2):
                if at + length <= end and folded[at : at + length] in whole:
                    yield at, at + length


def _merged(marks: Sequence[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(marks):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _window(text: str, first: Span) -> Span:
    """The part of a long text around the first mark, from a word's beginning to another's end."""
    if len(text) <= SNIPPET:
        return 0, len(text)
    start = max(0, min(first[0] - _BEFORE, len(text) - SNIPPET))
    end = min(len(text), max(start + SNIPPET, first[1]))
    space = text.find(" ", start, first[0]) if start else -1
    start = space + 1 if space >= 0 else start
    space = text.rfind(" ", first[1], end) if end < len(text) else -1
    return start, space if space >= 0 else end


def highlight(text: str, wanted: Sequence[Wanted]) -> str | None:
    """`text` as HTML with what is wanted in `<em>`, None where nothing of it stands there.

    Of a text longer than SNIPPET only the surroundings of the first find. Found as the index
    finds: without case, accents and widths. Of a word that begins as wanted all is marked.
    """
    looked_at = text[:_LOOKED_AT]
    folded, spans = _aligned(looked_at)
    marks = _merged([(spans[a][0], spans[b - 1][1]) for a, b in _found(folded, wanted)])
    if not marks:
        return None
    at, end = _window(text, marks[0])
    parts = ["…"] if at else []
    for first, last in marks:
        if first >= end:
            break
        parts += [html.escape(text[at:first]), "<em>", html.escape(text[first:last]), "</em>"]
        at = last
    parts.append(html.escape(text[at:end]))
    return "".join([*parts, "…" if end < len(text) else ""])

"""PostgreSQL and Python fold text and cut it into terms alike, whatever the text."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from noren_kit.search.folding import LONGEST_TERM, MOST_TERMS, Wanted, fold, wanted_terms

# Of no use: PostgreSQL stores none of the first, and knows newer ones of the last.
CHARACTERS = st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="\x00")
SCRIPTS = st.sampled_from(
    "aAßİıΣσςÉéÅøÆЁё ﾊﾟガカ゛ーｰハ々日本語茶한국각ᄒ이①ﬁ½ｱＡ１－/-_.'\u3099\u0301\u00ad\ufe0f🍵"
)
TEXTS = st.text(st.one_of(CHARACTERS, SCRIPTS, st.sampled_from("ab 1")), max_size=60)


@pytest.fixture(scope="module")
def database() -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        yield connection


def in_database(connection: psycopg.Connection[Any], text: str) -> tuple[str, set[str]]:
    row = connection.execute("SELECT noren_fold(%s), noren_terms(%s)", [text, text]).fetchone()
    assert row is not None
    return row[0], {term[:LONGEST_TERM] for term in row[1]}


def has(terms: set[str], wanted: Wanted) -> bool:
    if wanted.prefix:
        return any(term.startswith(wanted.term) for term in terms)
    return wanted.term in terms


@settings(max_examples=1_500, deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXTS)
def test_both_fold_alike_and_find_what_they_stored(
    database: psycopg.Connection[Any], text: str
) -> None:
    folded, terms = in_database(database, text)
    assert folded == fold(text)
    for wanted in wanted_terms(text):
        assert has(terms, wanted), (wanted, terms)
    assert all(fold(term) == term for term in terms if term.isascii())


def test_each_character_folds_alike(database: psycopg.Connection[Any]) -> None:
    """All that this Python knows, a thousand to a statement."""
    every = [
        chr(code)
        for code in range(1, sys.maxunicode + 1)
        if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")
    ]
    assert len(every) > 140_000
    rows = database.execute(
        "SELECT c, noren_fold(c), noren_terms(c) FROM unnest(%s::text[]) AS c", [every]
    )
    for character, folded, terms in rows:
        assert folded == fold(character), hex(ord(character))
        assert bool(terms) == bool(wanted_terms(character)), hex(ord(character))


def test_what_makes_words_is_what_unicode_says() -> None:
    """Letters, digits and marks do, and nothing else does, of all that folding leaves."""
    for code in range(1, sys.maxunicode + 1):
        character = chr(code)
        category = unicodedata.category(character)
        if category in ("Cn", "Cs") or fold(character) != character:
            continue
        assert bool(wanted_terms(character)) == (category[0] in "LNM"), hex(code)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("T-LIGHT/22", {"t", "light", "22"}),
        ("Café au lait", {"cafe", "au", "lait"}),
        ("ＡＢＣ１２３", {"abc123"}),
        ("ハートの茶碗", {"ハー", "ート", "トの", "の茶", "茶碗", "碗"}),
        ("ﾊｰﾄ", {"ハー", "ート", "ト"}),
        ("ガラス", {"ガラ", "ラス", "ス"}),
        ("T恤衫 x", {"t", "恤衫", "衫", "x"}),
        ("한국어", {"한국", "국어", "어"}),
        ("ΟΔΟΣ Ёлка", {"οδοσ", "елка"}),
        ("!!! — …", set()),
    ],
)
def test_terms(database: psycopg.Connection[Any], text: str, terms: set[str]) -> None:
    assert in_database(database, text)[1] == terms


def test_long_texts_are_cut(database: psycopg.Connection[Any]) -> None:
    words = [f"w{number}" for number in range(2 * MOST_TERMS)]
    for mark in ("", "é "):
        _folded, terms = in_database(database, mark + " ".join(words))
        assert terms - {"e"} == set(words[: MOST_TERMS - len(mark.split())])


def test_wanted_terms() -> None:
    assert wanted_terms("HEART t-light") == [
        Wanted("heart", prefix=True),
        Wanted("t"),
        Wanted("light", prefix=True),
    ]
    assert wanted_terms("日本 茶") == [Wanted("日本"), Wanted("茶", prefix=True)]
    assert wanted_terms("ハート") == [Wanted("ハー"), Wanted("ート")]
    assert wanted_terms("★ !") == []

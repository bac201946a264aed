"""The functions by which PostgreSQL cuts text into terms, and the operation that makes them.

Neither may depend on the database's locale. Letters outside of ASCII are lowered by a collation
that is the same everywhere: PostgreSQL's own (17 and later), or ICU's root. Where a server has
neither, that of the database does it; under the locale C it then knows A to Z alone.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations

from noren_kit.search.characters import IGNORED, RUN
from noren_kit.search.folding import MOST_TERMS

_COLLATIONS = ("pg_c_utf8", "und-x-icu")

_FOLD = r"""
CREATE FUNCTION noren_fold(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $fold$
BEGIN
    IF octet_length(value) = char_length(value) THEN
        RETURN lower(value COLLATE "C");
    END IF;
    RETURN translate(normalize(regexp_replace(
            lower(normalize(value, NFKD) COLLATE {collation}), '{ignored}', '', 'g'), NFC),
        U&'\03C2', U&'\03C3');
END $fold$
"""

_TERMS = r"""
CREATE FUNCTION noren_terms(value text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $terms$
DECLARE
    folded text := noren_fold(value);
    words text[] := (string_to_array(btrim(regexp_replace(
        folded, '[\u0001-/:-`{{-\u007F]+', ' ', 'g')), ' '))[1:{most}];
BEGIN
    IF octet_length(folded) = char_length(folded) THEN
        RETURN words;
    END IF;
    RETURN ARRAY(
        SELECT word FROM unnest(words) AS word WHERE octet_length(word) = char_length(word)
    ) || ARRAY(
        SELECT coalesce(run.parts[2], substr(run.parts[1], at, 2))
          FROM unnest(words) WITH ORDINALITY AS w(word, place),
               regexp_matches(word, '{run}', 'g') WITH ORDINALITY AS run(parts, nth),
               generate_series(1, coalesce(char_length(run.parts[1]), 1)) AS at
         WHERE octet_length(word) <> char_length(word)
         ORDER BY place, nth, at LIMIT {most});
END $terms$
"""


def _make(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT collname FROM pg_collation WHERE collname = ANY(%s)"
            " AND collencoding IN (-1, pg_char_to_encoding(getdatabaseencoding()))",
            [list(_COLLATIONS)],
        )
        found = {name for (name,) in cursor.fetchall()}
        collation = next((name for name in _COLLATIONS if name in found), "default")
        cursor.execute(_FOLD.format(collation=f'"{collation}"', ignored=IGNORED))
        cursor.execute(_TERMS.format(most=MOST_TERMS, run=RUN))


def _drop(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute("DROP FUNCTION noren_terms(text)")
    schema_editor.execute("DROP FUNCTION noren_fold(text)")


def text_functions() -> migrations.RunPython:
    """Makes `noren_fold` and `noren_terms`."""
    return migrations.RunPython(_make, _drop)

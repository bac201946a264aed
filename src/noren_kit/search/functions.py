"""The functions by which PostgreSQL cuts text into terms, and the operation that makes them.

Neither may depend on the database's locale. Letters outside of ASCII are lowered by a collation
that is the same everywhere: PostgreSQL's own (17 and later), or ICU's root. Where a server has
neither, that of the database does it; under the locale C it then knows A to Z alone.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations

from noren_kit.search.characters import IGNORED, RUN
from noren_kit.search.folding import LONGEST_TERM, MOST_TERMS

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
BEGIN
    IF octet_length(folded) = char_length(folded) THEN
        RETURN ARRAY(SELECT DISTINCT left(word, {longest})
            FROM unnest((string_to_array(btrim(regexp_replace(
                folded, '[^a-z0-9]+', ' ', 'g')), ' '))[1:{most}]) AS word);
    END IF;
    RETURN ARRAY(SELECT DISTINCT term FROM (
        SELECT CASE WHEN run.parts[1] IS NULL THEN left(run.parts[2], {longest})
                    ELSE substr(run.parts[1], at, 2) END AS term
          FROM regexp_matches(folded, '{run}', 'g') WITH ORDINALITY AS run(parts, place),
               generate_series(1, coalesce(char_length(run.parts[1]), 1)) AS at
         ORDER BY place, at LIMIT {most}) AS cut);
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
        cursor.execute(_TERMS.format(longest=LONGEST_TERM, most=MOST_TERMS, run=RUN))


def _drop(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute("DROP FUNCTION noren_terms(text)")
    schema_editor.execute("DROP FUNCTION noren_fold(text)")


def text_functions() -> migrations.RunPython:
    """Makes `noren_fold` and `noren_terms`."""
    return migrations.RunPython(_make, _drop)

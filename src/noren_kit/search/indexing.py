"""A model's index of words, kept by the database itself in the transaction that writes.

Triggers see what every way of writing does: forms, bulk writes, raw SQL and COPY (ADR 0014).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from django.db import models

from noren_kit.db.constraints import LateTableSql
from noren_kit.search.folding import LONGEST_TERM

CODE, NAME, TEXT = "code", "name", "text"
WHOLE_CODE, NAMED, SAID = 0, 1, 2
"""Weights of a term: a code taken whole; a word of a name or code; a word of other text."""
_WEIGHTS = {CODE: NAMED, NAME: NAMED, TEXT: SAID}
_TERMS_TABLE = "search_term"

_FUNCTIONS = """
CREATE FUNCTION {add}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_term (tenant_id, id, resource, term, weight)
    SELECT r.tenant_id, r.id, {resource}, t.term, t.weight
      FROM made r CROSS JOIN LATERAL ({terms}) AS t
     WHERE r.deleted_at IS NULL ORDER BY t.term;
    RETURN NULL;
END $$;
CREATE FUNCTION {follow}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    r {table} := NEW;
BEGIN
    IF TG_OP = 'DELETE' OR NEW.deleted_at IS NOT NULL THEN
        DELETE FROM search_term WHERE tenant_id = OLD.tenant_id AND id = OLD.id;
        RETURN NULL;
    END IF;
    WITH found AS MATERIALIZED ({terms}), gone AS (
        DELETE FROM search_term s WHERE s.tenant_id = OLD.tenant_id AND s.id = OLD.id
           AND s.term <> ALL (ARRAY(SELECT term FROM found)))
    INSERT INTO search_term AS s (tenant_id, id, resource, term, weight)
    SELECT NEW.tenant_id, NEW.id, {resource}, term, weight FROM found
        ON CONFLICT (tenant_id, id, term) DO UPDATE SET weight = excluded.weight
     WHERE s.weight <> excluded.weight;
    RETURN NULL;
END $$;
CREATE TRIGGER {add} AFTER INSERT ON {table} REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION {add}();
CREATE TRIGGER {follow} AFTER UPDATE OF {columns}, deleted_at ON {table} FOR EACH ROW
    WHEN (({old}, OLD.deleted_at IS NULL) IS DISTINCT FROM ({new}, NEW.deleted_at IS NULL))
    EXECUTE FUNCTION {follow}();
CREATE TRIGGER {release} AFTER DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {follow}()
"""


def resource_code(table: str) -> int:
    """What tells the table's terms from others.

    Two tables might share a number, which costs them time and nothing else: ids are unique.
    """
    return zlib.crc32(table.encode()) & 0x7FFF


class Searched(LateTableSql):
    """Live rows are found by the words of `fields`, each a CODE, a NAME or a TEXT.

    A code, such as a sku, is found by its whole as well as by its parts, and before all else.
    Rows that are there already are indexed when the constraint is added, past the policies, as
    for a foreign key. The migration depends on the first one of the app `search`.
    """

    def __init__(
        self, *, fields: Mapping[str, str], name: str = "%(app_label)s_%(class)s_search"
    ) -> None:
        super().__init__(name=name)
        self.fields = dict(fields)

    def _of_kind(self, *kinds: str) -> list[str]:
        return [field for field, kind in self.fields.items() if kind in kinds]

    def _terms(self, quote: Any) -> str:
        """The terms of a row `r`, each once and with its best weight; needs no statement more."""
        parts = [
            f"SELECT btrim(noren_fold(r.{quote(field)})), {WHOLE_CODE}"
            for field in self._of_kind(CODE)
        ]
        for weight, kinds in ((NAMED, (CODE, NAME)), (SAID, (TEXT,))):
            columns = ", ".join(f"r.{quote(field)}" for field in self._of_kind(*kinds))
            if columns:
                parts.append(f"SELECT unnest(noren_terms(concat_ws(' ', {columns}))), {weight}")
        return (
            f"SELECT left(term, {LONGEST_TERM}) AS term, min(weight) AS weight"  # noqa: S608
            f" FROM ({' UNION ALL '.join(parts)}) AS p(term, weight)"
            f" WHERE term <> '' GROUP BY left(term, {LONGEST_TERM})"
        )

    def _names(self, table: str, quote: Any) -> dict[str, Any]:
        kinds = {kind: quote(f"{self.name}_{kind}") for kind in ("add", "follow", "release")}
        columns = [quote(field) for field in self.fields]
        return {
            **kinds,
            "table": table,
            "terms": self._terms(quote),
            "columns": ", ".join(columns),
            "old": ", ".join(f"OLD.{each}" for each in columns),
            "new": ", ".join(f"NEW.{each}" for each in columns),
        }

    def _past_policies(self, table: str, statement: str) -> list[str]:
        both = (table, _TERMS_TABLE)
        return [
            *(f"ALTER TABLE {each} NO FORCE ROW LEVEL SECURITY" for each in both),
            statement,
            *(f"ALTER TABLE {each} FORCE ROW LEVEL SECURITY" for each in both),
        ]

    def statements(self, table: str, quote: Any, model: type[models.Model]) -> list[str]:
        resource = resource_code(model._meta.db_table)
        names = self._names(table, quote)
        fill = (
            f"INSERT INTO {_TERMS_TABLE} (tenant_id, id, resource, term, weight)"  # noqa: S608
            f" SELECT r.tenant_id, r.id, {resource}, t.term, t.weight"
            f" FROM {table} r CROSS JOIN LATERAL ({names['terms']}) AS t"
            " WHERE r.deleted_at IS NULL"
        )
        return [
            *self._past_policies(table, fill),
            _FUNCTIONS.format(**names, resource=resource).strip(),
        ]

    def undo_statements(self, table: str, quote: Any) -> list[str]:
        names = self._names(table, quote)
        resource = resource_code(table.strip('"'))
        return [
            *(f"DROP TRIGGER {names[kind]} ON {table}" for kind in ("add", "follow", "release")),
            *(f"DROP FUNCTION {names[kind]}()" for kind in ("add", "follow")),
            *self._past_policies(
                table,
                f"DELETE FROM {_TERMS_TABLE} s USING {table} r"  # noqa: S608  names alone
                f" WHERE s.tenant_id = r.tenant_id AND s.id = r.id AND s.resource = {resource}",
            ),
        ]

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, tuple(args), {**kwargs, "fields": self.fields}


def index_of(model: type[models.Model]) -> Searched | None:
    """The model's declared index, None where it has none."""
    return next((each for each in model._meta.constraints if isinstance(each, Searched)), None)

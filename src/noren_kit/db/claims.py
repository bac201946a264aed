"""Values that are unique over several tables: each live row claims its own in one table of claims.

A unique index covers one table. Here triggers write each row's value into a further table, and
the index there judges: also bulk writes, raw SQL, and two transactions that meet (ADR 0011).
"""

from __future__ import annotations

from typing import Any

from django.db import models

from noren_kit.db.constraints import LateTableSql

_FUNCTIONS = """
CREATE FUNCTION {take}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {claims} (tenant_id, id, {column})
    SELECT tenant_id, id, {column} FROM made WHERE deleted_at IS NULL;
    RETURN NULL;
END $$;
CREATE FUNCTION {follow}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM {claims} WHERE tenant_id = OLD.tenant_id AND id = OLD.id;
    IF TG_OP = 'UPDATE' AND NEW.deleted_at IS NULL THEN
        INSERT INTO {claims} (tenant_id, id, {column})
        VALUES (NEW.tenant_id, NEW.id, NEW.{column});
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER {take} AFTER INSERT ON {table} REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION {take}();
CREATE TRIGGER {follow} AFTER UPDATE OF {column}, deleted_at ON {table} FOR EACH ROW
    WHEN ((OLD.{column}, OLD.deleted_at IS NULL) IS DISTINCT FROM
          (NEW.{column}, NEW.deleted_at IS NULL))
    EXECUTE FUNCTION {follow}();
CREATE TRIGGER {release} AFTER DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {follow}()
"""


class ClaimsValue(LateTableSql):
    """Live rows' values of `field` are unique over all tables that claim in the table `claims`.

    `claims` is the table, which has a column of the same name, unique in the tenant, and nothing
    else; the id of a claim is that of the row that holds it. Rows that are there already claim
    when the constraint is added, past the policies, as for a foreign key.
    """

    def __init__(self, *, name: str, field: str, claims: str) -> None:
        super().__init__(name=name)
        self.field, self.claims = field, claims

    def _names(self, table: str, quote: Any) -> dict[str, str]:
        kinds = {kind: quote(f"{self.name}_{kind}") for kind in ("take", "follow", "release")}
        return {**kinds, "table": table, "column": quote(self.field)}

    def statements(self, table: str, quote: Any, model: type[models.Model]) -> list[str]:
        claims = quote(self.claims)
        names = {**self._names(table, quote), "claims": claims}
        return [
            *(f"ALTER TABLE {each} NO FORCE ROW LEVEL SECURITY" for each in (table, claims)),
            f"INSERT INTO {claims} (tenant_id, id, {names['column']})"  # noqa: S608  names alone
            f" SELECT tenant_id, id, {names['column']} FROM {table} WHERE deleted_at IS NULL",
            # Policies can't be forced again while checks of the new rows wait.
            "SET CONSTRAINTS ALL IMMEDIATE",
            "SET CONSTRAINTS ALL DEFERRED",
            *(f"ALTER TABLE {each} FORCE ROW LEVEL SECURITY" for each in (table, claims)),
            _FUNCTIONS.format(**names).strip(),
        ]

    def undo_statements(self, table: str, quote: Any) -> list[str]:
        names = self._names(table, quote)
        return [
            *(f"DROP TRIGGER {names[kind]} ON {table}" for kind in ("take", "follow", "release")),
            *(f"DROP FUNCTION {names[kind]}()" for kind in ("take", "follow")),
        ]

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, tuple(args), {**kwargs, "field": self.field, "claims": self.claims}

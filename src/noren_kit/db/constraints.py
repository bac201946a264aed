"""Constraints that Django lacks, carried by migrations like any other.

`TenantIsolation` gives a table its composite key and its row-level security policy,
`CompositeTenantForeignKey` makes PostgreSQL refuse a reference to another tenant's row,
`AppendOnly` takes UPDATE and DELETE away from the application.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import BaseConstraint, Q, UniqueConstraint

from noren_kit.db import role_names

POLICY = "tenant_isolation"
OWNER_POLICY = "tenant_isolation_owner"
AUDIT_POLICY = "audit_writes"
TENANT_SETTING = "app.tenant_id"


class TableSql(BaseConstraint):
    """A constraint made of statements of its own, run once its table exists."""

    def statements(self, table: str, quote: Any, model: type[models.Model]) -> list[str]:
        raise NotImplementedError

    def undo_statements(self, table: str, quote: Any) -> list[str]:
        raise NotImplementedError

    def create_sql(  # type: ignore[override]
        self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor
    ) -> str:
        quote = schema_editor.quote_name
        return ";\n".join(self.statements(quote(model._meta.db_table), quote, model))

    def constraint_sql(  # type: ignore[override]
        self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor
    ) -> None:
        """Nothing inside CREATE TABLE: the statements run when the migration's tables exist."""
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))

    def remove_sql(  # type: ignore[override]
        self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor
    ) -> str:
        quote = schema_editor.quote_name
        return ";\n".join(self.undo_statements(quote(model._meta.db_table), quote))

    def validate(self, *args: Any, **kwargs: Any) -> None:
        """PostgreSQL alone judges; there is nothing to check on an instance."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TableSql) or type(self) is not type(other):
            return False
        return self.deconstruct() == other.deconstruct()

    def __hash__(self) -> int:
        return hash((type(self), self.name))


class LateTableSql(TableSql):
    """Statements run at the end of the migration, when all of its tables are as they will be."""

    def create_sql(  # type: ignore[override]
        self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor
    ) -> str:
        schema_editor.deferred_sql.append(super().create_sql(model, schema_editor))
        return ""

    def constraint_sql(  # type: ignore[override]
        self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor
    ) -> None:
        self.create_sql(model, schema_editor)


class TenantIsolation(TableSql):
    """Primary key `(tenant_id, id)`, row-level security enabled and forced, two policies.

    `further` columns follow in the key of a table that holds several rows of one id; nothing
    can refer to such a table.

    Without a tenant the application's policy raises (SQLSTATE 42704 or 22P02) as soon as the
    table holds a row: silence would hide the fault. The owner's shows nothing instead, because
    PostgreSQL checks new constraints under it; data migrations enter each tenant.
    PostgreSQL documentation, "Row Security Policies".
    """

    def __init__(self, *, name: str, further: Sequence[str] = ()) -> None:
        super().__init__(name=name)
        self.further = tuple(further)

    @property
    def key(self) -> list[str]:
        """The columns of the primary key."""
        return ["tenant_id", "id", *self.further]

    def statements(self, table: str, quote: Any, model: type[models.Model]) -> list[str]:
        columns = ", ".join(self.key)
        key = quote(f"{model._meta.db_table}_pkey")
        return [
            f"ALTER TABLE {table} DROP CONSTRAINT {key}",
            f"ALTER TABLE {table} ADD CONSTRAINT {key} PRIMARY KEY ({columns})",
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY {POLICY} ON {table} FOR ALL TO {role_names.APP}"
            f" USING (tenant_id = current_setting('{TENANT_SETTING}')::uuid)",
            f"CREATE POLICY {OWNER_POLICY} ON {table} FOR ALL TO {role_names.OWNER}"
            f" USING (tenant_id = NULLIF(current_setting('{TENANT_SETTING}', true), '')::uuid)",
        ]

    def undo_statements(self, table: str, quote: Any) -> list[str]:
        return [
            f"DROP POLICY {POLICY} ON {table}",
            f"DROP POLICY {OWNER_POLICY} ON {table}",
            f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        ]

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        if self.further:
            kwargs["further"] = self.further
        return path, tuple(args), kwargs


class CompositeTenantForeignKey(LateTableSql):
    """`(tenant_id, field_id) → (tenant_id, id)`, checked at once, with an index on this side.

    Without one if `index` is false: where another that starts with the same columns serves.

    While the constraint is added, policies are not forced on the two tables: PostgreSQL checks
    existing rows as the owner, and a forced policy would hide them from that check. The
    migration's transaction holds both tables exclusively all the while.
    """

    def __init__(self, *, name: str, field: str, index: bool = True) -> None:
        super().__init__(name=name)
        self.field, self.index = field, index

    def statements(self, table: str, quote: Any, model: type[models.Model]) -> list[str]:
        field = model._meta.get_field(self.field)
        target = field.related_model._meta.db_table  # type: ignore[union-attr]
        column = quote(field.column)  # type: ignore[union-attr]
        both = list(dict.fromkeys([table, quote(target)]))
        index = f"CREATE INDEX {quote(self.name + '_idx')} ON {table} (tenant_id, {column})"
        return [
            *([index] if self.index else []),
            *(f"ALTER TABLE {each} NO FORCE ROW LEVEL SECURITY" for each in both),
            f"ALTER TABLE {table} ADD CONSTRAINT {quote(self.name)}"
            f" FOREIGN KEY (tenant_id, {column}) REFERENCES {quote(target)} (tenant_id, id)",
            *(f"ALTER TABLE {each} FORCE ROW LEVEL SECURITY" for each in both),
        ]

    def undo_statements(self, table: str, quote: Any) -> list[str]:
        return [
            f"ALTER TABLE {table} DROP CONSTRAINT {quote(self.name)}",
            *([f"DROP INDEX {quote(self.name + '_idx')}"] if self.index else []),
        ]

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        kwargs["field"] = self.field
        if not self.index:
            kwargs["index"] = False
        return path, tuple(args), kwargs


class AppendOnly(TableSql):
    """The application may add rows and read them, and neither change nor remove any."""

    def statements(self, table: str, quote: Any, model: type[models.Model]) -> list[str]:
        return [f"REVOKE UPDATE, DELETE ON {table} FROM {role_names.APP}"]

    def undo_statements(self, table: str, quote: Any) -> list[str]:
        return [f"GRANT UPDATE, DELETE ON {table} TO {role_names.APP}"]


class WrittenByAudit(AppendOnly):
    """Append-only, and rows come from functions of the audit role alone, so none is forged."""

    def statements(self, table: str, quote: Any, model: type[models.Model]) -> list[str]:
        return [
            f"REVOKE INSERT, UPDATE, DELETE ON {table} FROM {role_names.APP}",
            f"GRANT INSERT ON {table} TO {role_names.AUDIT}",
            f"CREATE POLICY {AUDIT_POLICY} ON {table} FOR INSERT TO {role_names.AUDIT}"
            " WITH CHECK (true)",
        ]

    def undo_statements(self, table: str, quote: Any) -> list[str]:
        return [
            f"DROP POLICY {AUDIT_POLICY} ON {table}",
            f"REVOKE INSERT ON {table} FROM {role_names.AUDIT}",
            f"GRANT INSERT, UPDATE, DELETE ON {table} TO {role_names.APP}",
        ]


def unique_in_tenant(*fields: str, among_live: bool = True) -> UniqueConstraint:
    """Values unique within a tenant; among its live rows only, unless `among_live` is false."""
    return UniqueConstraint(
        fields=["tenant", *fields],
        condition=Q(deleted_at__isnull=True) if among_live else None,
        name="%(app_label)s_%(class)s_" + "_".join(fields),
    )

"""Migration operations that change the schema and leave its constraints standing."""

from __future__ import annotations

from django.db import migrations

from noren_kit.db.constraints import CompositeTenantForeignKey


def without_index(app: str, model: str, field: str) -> migrations.SeparateDatabaseAndState:
    """Drops the index of a `TenantForeignKey` where another one that starts so serves.

    The key itself stays as it is, unlike when its constraint is removed and added.
    """
    name, table = f"{app}_{model}_{field}_in_tenant", f"{app}_{model}"
    key = CompositeTenantForeignKey(name=name, field=field, index=False)
    return migrations.SeparateDatabaseAndState(
        database_operations=[
            migrations.RunSQL(
                f"DROP INDEX {name}_idx",
                f"CREATE INDEX {name}_idx ON {table} (tenant_id, {field}_id)",
            )
        ],
        state_operations=[
            migrations.RemoveConstraint(model_name=model, name=name),
            migrations.AddConstraint(model_name=model, constraint=key),
        ],
    )

"""Migrations run as the owner of the schema, and as nobody else."""

from __future__ import annotations

from typing import Any

OWNER_ALIAS, REPLICA_ALIAS = "owner", "replica"


class OwnerMigrates:
    """`migrate --database owner` changes the schema; every other connection only uses it."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == OWNER_ALIAS

    def allow_relation(self, first: Any, second: Any, **hints: Any) -> bool:
        return True

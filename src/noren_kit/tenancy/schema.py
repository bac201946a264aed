"""What the live schema must hold for tenants to be apart; reads PostgreSQL's catalogue alone.

Every object of the database is looked at, known to Django or not: what nobody declared is where
isolation is lost. The rules stand in docs/guides/isolation.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from django.apps import apps

from noren_kit.db import role_names
from noren_kit.db.constraints import (
    AUDIT_POLICY,
    OWNER_POLICY,
    POLICY,
    TENANT_SETTING,
    AppendOnly,
    CompositeTenantForeignKey,
    TenantIsolation,
    WrittenByAudit,
)
from noren_kit.db.history import Recorded
from noren_kit.db.revisions import RevisionTriggers
from noren_kit.db.roles import FUNCTION_ROLES
from noren_kit.db.versions import Versioned
from noren_kit.tenancy import schema_sql
from noren_kit.tenancy.checks import GLOBAL_TABLES, tenant_models

__all__ = ["GLOBAL_TABLES", "RELAY_TABLES", "schema_faults"]

# Tables of which the relay sees every tenant's rows.
RELAY_TABLES = frozenset({"outbox_delivery"})

_ENDS = "current_setting('{setting}'::text{missing_ok})"
_BARE = _ENDS.format(setting=TENANT_SETTING, missing_ok="")
_SILENT = _ENDS.format(setting=TENANT_SETTING, missing_ok=", true")
# Name, command, permissive, roles, USING and WITH CHECK, exactly as PostgreSQL gives them back.
_POLICIES = {
    POLICY: ("*", True, [role_names.APP], f"(tenant_id = ({_BARE})::uuid)", None),
    OWNER_POLICY: (
        "*",
        True,
        [role_names.OWNER],
        f"(tenant_id = (NULLIF({_SILENT}, ''::text))::uuid)",
        None,
    ),
}
# What `WrittenByAudit` declares, as above.
_AUDIT_FACTS = ("a", True, [role_names.AUDIT], None, "true")
_KEY = ["tenant_id", "id"]
_KEPT: dict[type, str] = {Versioned: "raises versions", Recorded: "keeps history"}


class Connection(Protocol):
    """What is needed of a connection; psycopg's and Django's both have it."""

    def cursor(self) -> Any:
        """Open a cursor, which is its own context manager."""


def _rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _declaring(kind: type[AppendOnly]) -> set[str]:
    """The tables of tenants that carry a constraint of this kind."""
    return {
        model._meta.db_table
        for model in tenant_models()
        if any(isinstance(each, kind) for each in model._meta.constraints)
    }


def _declared_keys() -> dict[str, list[str]]:
    """The primary keys of tenants' tables, by table; all begin with tenant and id."""
    return {
        model._meta.db_table: each.key
        for model in tenant_models()
        for each in model._meta.constraints
        if isinstance(each, TenantIsolation)
    }


def _table_faults(connection: Connection) -> Iterator[str]:
    declared = _declared_keys()
    for table, kind, partition, enabled, forced, owner, key, rights in _rows(
        connection, schema_sql.TABLES
    ):
        if owner != role_names.OWNER:
            yield f"{table}: owned by {owner}"
        if kind == "f":
            yield f"{table}: foreign tables know no policies"
        if partition and rights:
            yield f"{table}: a partition on which {role_names.APP} has {', '.join(rights)}"
        for right in set(rights) - {"SELECT", "INSERT", "UPDATE", "DELETE"}:
            yield f"{table}: {role_names.APP} may {right}"
        if table in GLOBAL_TABLES or partition:
            continue
        if not enabled:
            yield f"{table}: row-level security is not enabled"
        if not forced:
            yield f"{table}: row-level security is not forced"
        expected = declared.get(table, _KEY)
        if key != expected:
            yield f"{table}: primary key is {key}, not ({', '.join(expected)})"


def _policy_faults(connection: Connection) -> Iterator[str]:
    found: dict[str, dict[str, tuple[Any, ...]]] = {}
    audits = _declaring(WrittenByAudit)
    for table, name, *facts in _rows(connection, schema_sql.POLICIES):
        found.setdefault(table, {})[name] = tuple(facts)
    for table, partition in _rows(connection, schema_sql.TABLE_NAMES):
        if table in GLOBAL_TABLES or partition:
            continue
        held = found.get(table, {})
        for name, expected in _POLICIES.items():
            if name not in held:
                yield f"{table}: policy {name} is missing"
            elif held[name] != expected:
                yield f"{table}: policy {name} is {held[name]}, not {expected}"
        for name in held.keys() - _POLICIES.keys():
            roles = held[name][2]
            relayed = table in RELAY_TABLES and roles == [role_names.RELAY]
            audited = table in audits and (name, held[name]) == (AUDIT_POLICY, _AUDIT_FACTS)
            if not relayed and not audited:
                yield f"{table}: a further policy {name} applies to {', '.join(roles)}"


def _key_faults(connection: Connection) -> Iterator[str]:
    held = set()
    for table, name, columns, target, their_columns, sound in _rows(
        connection, schema_sql.FOREIGN_KEYS
    ):
        if not sound:
            yield f"{table}: foreign key {name} is not valid, or not enforced"
        held.add((table, name, tuple(columns), target, tuple(their_columns)))
        if table in GLOBAL_TABLES or target in GLOBAL_TABLES:
            continue
        if columns[0] != "tenant_id" or their_columns != _KEY:
            yield f"{table}: foreign key {name} to {target} does not name the tenant"
    for model in tenant_models():
        for constraint in model._meta.constraints:
            if not isinstance(constraint, CompositeTenantForeignKey):
                continue
            field: Any = model._meta.get_field(constraint.field)
            table, target = model._meta.db_table, field.related_model._meta.db_table
            columns = ("tenant_id", field.column)
            if (table, constraint.name, columns, target, tuple(_KEY)) not in held:
                yield f"{table}: foreign key {constraint.name} is missing or another"
    for table, name, columns in _rows(connection, schema_sql.UNIQUE):
        if table not in GLOBAL_TABLES and "tenant_id" not in columns:
            yield f"{table}: {name} is unique across tenants"


def _trigger_faults(connection: Connection) -> Iterator[str]:
    held = set(_rows(connection, schema_sql.TRIGGERS))
    for model in apps.get_models():
        table = model._meta.db_table
        for constraint in model._meta.constraints:
            if not isinstance(constraint, RevisionTriggers | Versioned | Recorded):
                continue
            what = _KEPT.get(type(constraint), "raises revisions")
            for name in constraint.triggers():
                if (table, name) not in held:
                    yield f"{table}: trigger {name}, which {what}, is missing or off"


def _view_faults(connection: Connection) -> Iterator[str]:
    for name, kind, invoker in _rows(connection, schema_sql.VIEWS):
        if kind == "m":
            yield f"{name}: materialised views know no policies"
        elif not invoker:
            yield f"{name}: the view is not security_invoker"


def _function_faults(connection: Connection) -> Iterator[str]:
    for name, owner, definer, fixed_path, public, leakproof in _rows(
        connection, schema_sql.FUNCTIONS
    ):
        if leakproof:
            yield f"{name}: is marked LEAKPROOF"
        if definer and owner not in FUNCTION_ROLES:
            yield f"{name}: runs with the rights of {owner}"
        if definer and not fixed_path:
            yield f"{name}: runs with another's rights on a search path of its caller"
        if definer and public:
            yield f"{name}: runs with another's rights for everybody"


def _right_faults(connection: Connection) -> Iterator[str]:
    for table, grantee, right in _rows(connection, schema_sql.GRANTS):
        if grantee == "PUBLIC":
            yield f"{table}: everybody has {right}"
        elif grantee == role_names.RELAY and table not in RELAY_TABLES:
            yield f"{table}: {role_names.RELAY} has {right}"
        elif grantee == role_names.APP and table == "tenancy_tenant" and right != "SELECT":
            yield f"{table}: {role_names.APP} may {right}"
    writable = {(table, right) for table, right in _rows(connection, schema_sql.APP_WRITES)}
    for kind, withheld, nature in (
        (AppendOnly, ("UPDATE", "DELETE"), "append-only"),
        (WrittenByAudit, ("INSERT",), "written by functions alone"),
    ):
        for table in sorted(_declaring(kind)):
            for right in withheld:
                if (table, right) in writable:
                    yield f"{table}: {nature}, and {role_names.APP} may {right}"


def _role_faults(connection: Connection) -> Iterator[str]:
    may_bypass = {role_names.PLATFORM, role_names.BACKUP, role_names.LOOKUP}
    # Owning the database makes the owner a member of pg_database_owner.
    may_belong = {(role_names.OWNER, each) for each in (*FUNCTION_ROLES, "pg_database_owner")}
    for role, login, privileged, bypass, creates, member_of in _rows(connection, schema_sql.ROLES):
        if privileged:
            yield f"{role}: is a superuser, or may make roles or databases, or replicate"
        if bypass and role not in may_bypass:
            yield f"{role}: row-level security does not bind it"
        if login and role in FUNCTION_ROLES:
            yield f"{role}: may log in"
        if creates and role not in (role_names.OWNER, *FUNCTION_ROLES):
            yield f"{role}: may make objects in the schema public"
        for other in member_of:
            if (role, other) not in may_belong:
                yield f"{role}: is a member of {other}"


def schema_faults(connection: Connection) -> list[str]:
    """What is wrong with isolation in the connected database; empty when all is well.

    Tables: owner, row-level security enabled and forced, the composite key, rights of the
    application. Policies: exactly those declared. Keys: composite where both sides are a
    tenant's, and unique within a tenant. Triggers: every one that raises revisions or versions, or
    keeps history. Views, functions, grants and roles: none that goes round the policies.
    """
    checks = (
        _table_faults,
        _policy_faults,
        _key_faults,
        _trigger_faults,
        _view_faults,
        _function_faults,
        _right_faults,
        _role_faults,
    )
    return [fault for check in checks for fault in check(connection)]

"""The schema that migrations made keeps tenants apart, and each way of losing that is noticed.

Every fault is planted in the live schema by whoever could plant it (owner or administrator), in
a transaction that is rolled back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection as django_connection
from psycopg import sql

from noren_kit.tenancy.checks import GLOBAL_TABLES, tenant_models
from noren_kit.tenancy.schema import schema_faults
from noren_kit.testing.servers import ADMIN

TABLE = "catalog_brand"


@pytest.fixture(scope="module")
def admin() -> Iterator[psycopg.Connection[Any]]:
    """The administrator, inside this worker's database."""
    database = urlsplit(os.environ["DATABASE_URL"]).path.removeprefix("/")
    with psycopg.connect(os.environ[ADMIN], dbname=database) as connection:
        connection.autocommit = True
        yield connection


def faults_after(admin: psycopg.Connection[Any], *statements: str) -> list[str]:
    """The faults found with `statements` in force, which are then undone."""
    with admin.transaction(force_rollback=True):
        for statement in statements:
            admin.execute(statement.encode())
        return schema_faults(admin)


def test_the_schema_is_sound(admin: psycopg.Connection[Any]) -> None:
    assert schema_faults(django_connection) == []
    assert schema_faults(admin) == []


def test_every_table_is_known(owner: Any) -> None:
    """Each is a model's: a tenant's, or one of the few global ones."""
    assert set(owner.tables) | {"django_migrations"} == GLOBAL_TABLES | {
        model._meta.db_table for model in tenant_models()
    }


@pytest.mark.parametrize("model", tenant_models(), ids=lambda model: model._meta.label)
def test_no_tenant_table_may_lose_its_policy_force_or_key(
    model: Any, admin: psycopg.Connection[Any]
) -> None:
    table = model._meta.db_table
    for statement, expected in (
        (f"DROP POLICY tenant_isolation ON {table}", "policy tenant_isolation is missing"),
        (
            f"ALTER POLICY tenant_isolation ON {table} USING (true)",
            "policy tenant_isolation is",
        ),
        (f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY", "is not enabled"),
        (f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY", "is not forced"),
        (f"GRANT TRUNCATE ON {table} TO noren_app", "noren_app may TRUNCATE"),
        (f"ALTER TABLE {table} OWNER TO noren_app", "owned by noren_app"),
    ):
        faults = faults_after(admin, statement)
        assert any(f"{table}: " in fault and expected in fault for fault in faults), statement


def test_no_reference_may_lose_its_composite_key(admin: psycopg.Connection[Any]) -> None:
    found = admin.execute(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint"
        " WHERE contype = 'f' AND conname LIKE '%\\_in\\_tenant'"
    ).fetchall()
    assert len(found) >= 14
    for table, name in found:
        faults = faults_after(admin, f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        assert faults == [f"{table}: foreign key {name} is missing or another"]


@dataclass(frozen=True)
class Plant:
    """Statements that make a fault, and the whole answer that they must bring."""

    name: str
    statements: tuple[str, ...]
    faults: tuple[str, ...]


USING = "tenant_id = current_setting('app.tenant_id')::uuid"
PRODUCT_BRAND = "catalog_product_brand_in_tenant"
LINE = "orders_orderline_product_in_tenant"
PLANTS = (
    Plant(
        "a silent policy",
        (
            f"ALTER POLICY tenant_isolation ON {TABLE}"
            " USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)",
        ),
        (f"{TABLE}: policy tenant_isolation is ",),
    ),
    Plant(
        "a policy with a way out",
        (f"ALTER POLICY tenant_isolation ON {TABLE} USING ({USING} OR name = 'x')",),
        (f"{TABLE}: policy tenant_isolation is ",),
    ),
    Plant(
        "a policy that checks nothing on writing",
        (f"ALTER POLICY tenant_isolation ON {TABLE} WITH CHECK (true)",),
        (f"{TABLE}: policy tenant_isolation is ",),
    ),
    Plant(
        "a policy for one command",
        (
            f"DROP POLICY tenant_isolation ON {TABLE}",
            f"CREATE POLICY tenant_isolation ON {TABLE} FOR SELECT TO noren_app USING ({USING})",
        ),
        (f"{TABLE}: policy tenant_isolation is ",),
    ),
    Plant(
        "a policy that only restricts",
        (
            f"DROP POLICY tenant_isolation ON {TABLE}",
            f"CREATE POLICY tenant_isolation ON {TABLE} AS RESTRICTIVE TO noren_app"
            f" USING ({USING})",
        ),
        (f"{TABLE}: policy tenant_isolation is ",),
    ),
    Plant(
        "a policy for everybody",
        (f"ALTER POLICY tenant_isolation ON {TABLE} TO PUBLIC",),
        (f"{TABLE}: policy tenant_isolation is ",),
    ),
    Plant(
        "a further policy for the application",
        (f"CREATE POLICY more ON {TABLE} TO noren_app USING (true)",),
        (f"{TABLE}: a further policy more applies to noren_app",),
    ),
    Plant(
        "a further policy for everybody",
        (f"CREATE POLICY more ON {TABLE} FOR SELECT USING (true)",),
        (f"{TABLE}: a further policy more applies to PUBLIC",),
    ),
    Plant(
        "a policy for the relay on another table",
        (f"CREATE POLICY relay_access ON {TABLE} TO noren_relay USING (true)",),
        (f"{TABLE}: a further policy relay_access applies to noren_relay",),
    ),
    Plant(
        "an owner who sees all",
        (f"ALTER POLICY tenant_isolation_owner ON {TABLE} USING (true)",),
        (f"{TABLE}: policy tenant_isolation_owner is ",),
    ),
    Plant(
        "a primary key without the tenant",
        (
            "ALTER TABLE outbox_delivery DROP CONSTRAINT outbox_delivery_pkey",
            "ALTER TABLE outbox_delivery ADD PRIMARY KEY (id)",
        ),
        (
            "outbox_delivery: primary key is ['id'], not (tenant_id, id)",
            "outbox_delivery: outbox_delivery_pkey is unique across tenants",
        ),
    ),
    Plant(
        "a plain foreign key in place of the composite one",
        (
            f"ALTER TABLE {TABLE} ADD CONSTRAINT plain UNIQUE (id)",
            f"ALTER TABLE catalog_product DROP CONSTRAINT {PRODUCT_BRAND}",
            f"ALTER TABLE catalog_product ADD CONSTRAINT {PRODUCT_BRAND}"
            f" FOREIGN KEY (brand_id) REFERENCES {TABLE} (id)",
        ),
        (
            f"catalog_product: foreign key {PRODUCT_BRAND} to {TABLE} does not name the tenant",
            f"catalog_product: foreign key {PRODUCT_BRAND} is missing or another",
            f"{TABLE}: plain is unique across tenants",
        ),
    ),
    Plant(
        "a composite foreign key of another column",
        (
            f"ALTER TABLE catalog_product DROP CONSTRAINT {PRODUCT_BRAND}",
            f"ALTER TABLE catalog_product ADD CONSTRAINT {PRODUCT_BRAND}"
            f" FOREIGN KEY (tenant_id, supplier_id) REFERENCES {TABLE} (tenant_id, id)",
        ),
        (f"catalog_product: foreign key {PRODUCT_BRAND} is missing or another",),
    ),
    Plant(
        "a composite foreign key whose columns are crossed",
        (
            f"ALTER TABLE catalog_product DROP CONSTRAINT {PRODUCT_BRAND}",
            f"ALTER TABLE catalog_product ADD CONSTRAINT {PRODUCT_BRAND}"
            f" FOREIGN KEY (brand_id, tenant_id) REFERENCES {TABLE} (tenant_id, id)",
        ),
        (
            f"catalog_product: foreign key {PRODUCT_BRAND} to {TABLE} does not name the tenant",
            f"catalog_product: foreign key {PRODUCT_BRAND} is missing or another",
        ),
    ),
    Plant(
        "a foreign key that was never checked",
        (
            f"ALTER TABLE orders_orderline DROP CONSTRAINT {LINE}",
            f"ALTER TABLE orders_orderline ADD CONSTRAINT {LINE}"
            " FOREIGN KEY (tenant_id, product_id) REFERENCES catalog_product (tenant_id, id)"
            " NOT VALID",
        ),
        (f"orders_orderline: foreign key {LINE} is not valid, or not enforced",),
    ),
    Plant(
        "a foreign key whose triggers are off",
        ("ALTER TABLE orders_orderline DISABLE TRIGGER ALL",),
        (
            "orders_orderline: foreign key orders_orderline_order_in_tenant is not valid,",
            f"orders_orderline: foreign key {LINE} is not valid, or not enforced",
            "orders_orderline: foreign key orders_orderline_stock_item_in_tenant is not valid,",
            "orders_orderline: foreign key orders_orderline_variant_in_tenant is not valid,",
            "orders_returnline: foreign key orders_returnline_order_line_in_tenant is not valid,",
            *(
                f"orders_orderline: trigger orders_orderline_revised_{kind}, which raises"
                for kind in ("made", "changed", "gone", "settle")
            ),
            *(
                f"orders_orderline: trigger orders_orderline_history_{kind}, which keeps"
                for kind in ("made", "changed", "gone")
            ),
        ),
    ),
    Plant(
        "a history whose trigger is off",
        ("ALTER TABLE catalog_brand DISABLE TRIGGER catalog_brand_history_changed",),
        ("catalog_brand: trigger catalog_brand_history_changed, which keeps history, is",),
    ),
    Plant(
        "a history that nobody keeps",
        ("DROP TRIGGER catalog_tag_history_gone ON catalog_tag",),
        ("catalog_tag: trigger catalog_tag_history_gone, which keeps history, is",),
    ),
    Plant(
        "a revision whose trigger is off",
        ("ALTER TABLE catalog_brand DISABLE TRIGGER catalog_brand_revised_changed",),
        ("catalog_brand: trigger catalog_brand_revised_changed, which raises revisions, is",),
    ),
    Plant(
        "a revision that nobody settles",
        ("DROP TRIGGER accounts_user_revised_settle ON accounts_user",),
        ("accounts_user: trigger accounts_user_revised_settle, which raises revisions, is",),
    ),
    Plant(
        "a unique value across tenants",
        (f"CREATE UNIQUE INDEX everywhere ON {TABLE} (name)",),
        (f"{TABLE}: everywhere is unique across tenants",),
    ),
    Plant(
        "a unique value that the tenant only accompanies",
        (f"CREATE UNIQUE INDEX everywhere ON {TABLE} (name) INCLUDE (tenant_id)",),
        (f"{TABLE}: everywhere is unique across tenants",),
    ),
    Plant(
        "an unknown table",
        ("SET ROLE noren_owner", "CREATE TABLE stray (id uuid)", "RESET ROLE"),
        (
            "stray: row-level security is not enabled",
            "stray: row-level security is not forced",
            "stray: primary key is None, not (tenant_id, id)",
            "stray: policy tenant_isolation is missing",
            "stray: policy tenant_isolation_owner is missing",
        ),
    ),
    Plant(
        "a table in another schema",
        (
            "CREATE SCHEMA aside AUTHORIZATION noren_owner",
            "SET ROLE noren_owner",
            "CREATE TABLE aside.catalog_brand (tenant_id uuid, id uuid PRIMARY KEY)",
            "RESET ROLE",
        ),
        (
            "aside.catalog_brand: row-level security is not enabled",
            "aside.catalog_brand: row-level security is not forced",
            "aside.catalog_brand: primary key is ['id'], not (tenant_id, id)",
            "aside.catalog_brand: policy tenant_isolation is missing",
            "aside.catalog_brand: policy tenant_isolation_owner is missing",
            "aside.catalog_brand: catalog_brand_pkey is unique across tenants",
        ),
    ),
    Plant(
        "a partition with rights of its own",
        (
            "SET ROLE noren_owner",
            "CREATE TABLE log (tenant_id uuid, id uuid, PRIMARY KEY (tenant_id, id))"
            " PARTITION BY HASH (tenant_id)",
            "CREATE TABLE log_0 PARTITION OF log FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
            "ALTER TABLE log ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE log FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY tenant_isolation ON log TO noren_app USING ({USING})",
            "CREATE POLICY tenant_isolation_owner ON log TO noren_owner USING"
            " (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid)",
            "RESET ROLE",
        ),
        ("log_0: a partition on which noren_app has SELECT, INSERT, UPDATE, DELETE",),
    ),
    Plant(
        "a view with its owner's eyes",
        (f"CREATE VIEW seen AS SELECT * FROM {TABLE}",),
        ("seen: the view is not security_invoker",),
    ),
    Plant(
        "a view that says so and does not mean it",
        (f"CREATE VIEW seen WITH (security_invoker = off) AS SELECT * FROM {TABLE}",),
        ("seen: the view is not security_invoker",),
    ),
    Plant(
        "a materialised view",
        (f"CREATE MATERIALIZED VIEW seen AS SELECT * FROM {TABLE}",),
        ("seen: materialised views know no policies",),
    ),
    Plant(
        "a function with an administrator's eyes",
        (
            f"CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER"
            f" SET search_path = pg_catalog, public, pg_temp AS 'SELECT count(*) FROM {TABLE}'",
            "REVOKE ALL ON FUNCTION peek() FROM PUBLIC",
        ),
        ("peek(): runs with the rights of ",),
    ),
    Plant(
        "a look-up on its caller's search path",
        ("ALTER FUNCTION noren_affiliations(uuid) RESET search_path",),
        ("noren_affiliations(uuid): runs with another's rights on a search path of its caller",),
    ),
    Plant(
        "a look-up to which temporary objects come first",
        ("ALTER FUNCTION noren_affiliations(uuid) SET search_path = pg_catalog, public",),
        ("noren_affiliations(uuid): runs with another's rights on a search path of its caller",),
    ),
    Plant(
        "a look-up for everybody",
        ("GRANT EXECUTE ON FUNCTION noren_affiliations(uuid) TO PUBLIC",),
        ("noren_affiliations(uuid): runs with another's rights for everybody",),
    ),
    Plant(
        "a leakproof function",
        (
            "CREATE FUNCTION loud(text) RETURNS boolean LANGUAGE plpgsql LEAKPROOF"
            " AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$",
        ),
        ("loud(text): is marked LEAKPROOF",),
    ),
    Plant(
        "a ledger that may be corrected",
        ("GRANT UPDATE, DELETE ON inventory_stockmovement TO noren_app",),
        (
            "inventory_stockmovement: append-only, and noren_app may UPDATE",
            "inventory_stockmovement: append-only, and noren_app may DELETE",
        ),
    ),
    Plant(
        "one column of a ledger",
        ("GRANT UPDATE (quantity) ON inventory_stockmovement TO noren_app",),
        ("inventory_stockmovement: append-only, and noren_app may UPDATE",),
    ),
    Plant(
        "a table for everybody",
        (f"GRANT SELECT ON {TABLE} TO PUBLIC",),
        (f"{TABLE}: everybody has SELECT",),
    ),
    Plant(
        "a column for the relay",
        (f"GRANT SELECT (name) ON {TABLE} TO noren_relay",),
        (f"{TABLE}: noren_relay has SELECT",),
    ),
    Plant(
        "tenants that the application writes",
        ("GRANT UPDATE ON tenancy_tenant TO noren_app",),
        ("tenancy_tenant: noren_app may UPDATE",),
    ),
    Plant(
        "an application past the policies",
        ("ALTER ROLE noren_app BYPASSRLS",),
        ("noren_app: row-level security does not bind it",),
    ),
    Plant(
        "an application that makes roles",
        ("ALTER ROLE noren_app CREATEROLE",),
        ("noren_app: is a superuser, or may make roles or databases, or replicate",),
    ),
    Plant(
        "an application that makes objects",
        ("GRANT CREATE ON SCHEMA public TO noren_app",),
        ("noren_app: may make objects in the schema public",),
    ),
    Plant(
        "a look-up role that logs in",
        ("ALTER ROLE noren_lookup LOGIN",),
        ("noren_lookup: may log in",),
    ),
    Plant(
        "an audit role that row-level security does not bind",
        ("ALTER ROLE noren_audit BYPASSRLS",),
        ("noren_audit: row-level security does not bind it",),
    ),
    Plant(
        "a log that the application writes",
        ("GRANT INSERT ON audit_accessentry TO noren_app",),
        ("audit_accessentry: written by functions alone, and noren_app may INSERT",),
    ),
    Plant(
        "a log that the application changes",
        ("GRANT UPDATE (kind) ON audit_accessentry TO noren_app",),
        ("audit_accessentry: append-only, and noren_app may UPDATE",),
    ),
    Plant(
        "a log whose audit role sees rows",
        ("ALTER POLICY audit_writes ON audit_accessentry TO noren_audit, noren_relay",),
        ("audit_accessentry: a further policy audit_writes applies to",),
    ),
    Plant(
        "audit writes to a table that is no log",
        (f"CREATE POLICY audit_writes ON {TABLE} FOR INSERT TO noren_audit WITH CHECK (true)",),
        (f"{TABLE}: a further policy audit_writes applies to noren_audit",),
    ),
)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_each_planted_fault_is_found(plant: Plant, admin: psycopg.Connection[Any]) -> None:
    faults = faults_after(admin, *plant.statements)
    assert len(faults) == len(plant.faults), faults
    for expected in plant.faults:
        assert any(fault.startswith(expected) for fault in faults), (expected, faults)


def test_an_application_that_may_become_another(admin: psycopg.Connection[Any]) -> None:
    faults = faults_after(admin, "GRANT noren_owner TO noren_app")
    assert "noren_app: is a member of noren_owner" in faults
    assert f"{TABLE}: noren_app may TRUNCATE" in faults
    faults = faults_after(admin, "GRANT noren_platform TO noren_app")
    assert "noren_app: is a member of noren_platform" in faults


def test_an_application_that_is_a_superuser(admin: psycopg.Connection[Any]) -> None:
    faults = faults_after(admin, "ALTER ROLE noren_app SUPERUSER")
    expected = "noren_app: is a superuser, or may make roles or databases, or replicate"
    assert expected in faults


def test_look_ups_belong_to_their_role_and_read_named_columns(
    admin: psycopg.Connection[Any],
) -> None:
    functions = admin.execute(
        "SELECT proname, pg_get_userbyid(proowner)::text, prosecdef, proconfig FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace ORDER BY 1"
    ).fetchall()
    fixed = ["search_path=pg_catalog, public, pg_temp"]
    assert [row for row in functions if row[2]] == [
        ("noren_affiliations", "noren_lookup", True, fixed),
        ("noren_invitations", "noren_lookup", True, fixed),
        ("noren_key_standing", "noren_lookup", True, fixed),
        ("noren_record_access", "noren_audit", True, fixed),
        ("noren_record_access_of", "noren_audit", True, fixed),
        ("noren_record_change", "noren_audit", True, fixed),
        ("noren_record_row", "noren_audit", True, fixed),
        ("noren_revisions", "noren_lookup", True, fixed),
        ("noren_standing", "noren_lookup", True, fixed),
    ]
    tables = admin.execute(
        "SELECT DISTINCT table_name::text FROM information_schema.column_privileges"
        " WHERE grantee = 'noren_lookup' AND table_schema = 'public'"
    ).fetchall()
    assert {name for (name,) in tables} == {
        "accounts_apikey",
        "accounts_user",
        "accounts_signinsession",
        "accounts_membership",
        "accounts_membershiprole",
        "accounts_role",
        "tenancy_globalrevision",
        "tenancy_revision",
        "tenancy_tenant",
    }
    secret = sql.SQL("SELECT has_column_privilege('noren_lookup', 'accounts_user', 'password', %s)")
    assert admin.execute(secret, ["SELECT"]).fetchone() == (False,)
    writes = admin.execute(
        "SELECT count(*) FROM information_schema.column_privileges"
        " WHERE grantee = 'noren_lookup' AND privilege_type <> 'SELECT'"
    )
    assert writes.fetchone() == (0,)


def test_the_audit_role_adds_to_logs_and_reads_nothing(admin: psycopg.Connection[Any]) -> None:
    held = admin.execute(
        "SELECT DISTINCT table_name::text, privilege_type::text"
        " FROM information_schema.column_privileges WHERE grantee = 'noren_audit'"
    ).fetchall()
    assert held == [("audit_accessentry", "INSERT"), ("audit_change", "INSERT")]

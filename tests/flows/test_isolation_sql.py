"""Tenants apart in PostgreSQL itself: asked as `noren_app` by SQL, past all of our own code.

Every tenant table is covered because the models are enumerated: a new one is filled, read,
changed, deleted, inserted into and referred from without a line here, or fails by name.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, models, transaction
from psycopg import errors, sql

from noren_kit.db.constraints import AppendOnly, CompositeTenantForeignKey, WrittenByAudit
from noren_kit.tenancy.checks import tenant_models
from noren_kit.tenancy.entering import enter
from noren_kit.tenancy.schema import GLOBAL_TABLES
from noren_kit.testing.filling import Filler, fill_tenant, in_dependency_order
from noren_kit.testing.plugin import OwnerConnection
from noren_kit.testing.shops import Shop, make_shop

MODELS = sorted(tenant_models(), key=lambda model: model._meta.label)
LEDGERS = [
    model
    for model in MODELS
    if any(isinstance(each, AppendOnly) for each in model._meta.constraints)
]
# Those that functions of the audit role alone add to.
WRITTEN = [
    model
    for model in LEDGERS
    if any(isinstance(each, WrittenByAudit) for each in model._meta.constraints)
]
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)


@dataclass
class Filled:
    """A shop with a row in every tenant table."""

    shop: Shop
    filler: Filler

    def row(self, model: type[models.Model]) -> Any:
        return self.filler.rows[model]


def fill(shop: Shop) -> Filled:
    return Filled(shop, fill_tenant(shop.tenant.id))


@pytest.fixture(scope="module", autouse=True)
def clean_state(owner: OwnerConnection) -> Iterator[None]:
    """Behind the last test: none of them changes a row that another one reads."""
    yield
    owner.empty()


@pytest.fixture(scope="module")
def here() -> Filled:
    return fill(make_shop())


@pytest.fixture(scope="module")
def there(here: Filled) -> Filled:
    return fill(make_shop())


@contextmanager
def connected(variable: str = "DATABASE_URL") -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(os.environ[variable], autocommit=True) as connection:
        yield connection


@pytest.fixture
def app() -> Iterator[psycopg.Connection[Any]]:
    with connected() as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("noren_app",)
        yield connection


@contextmanager
def inside(connection: psycopg.Connection[Any], filled: Filled) -> Iterator[None]:
    """A transaction in the tenant that leaves nothing behind."""
    with connection.transaction(force_rollback=True):
        connection.execute(
            "SELECT set_config('app.tenant_id', %s, true)", [str(filled.shop.tenant.id)]
        )
        yield


def query(text: str, model: type[models.Model], **columns: str) -> sql.Composed:
    names = {name: sql.Identifier(column) for name, column in columns.items()}
    return sql.SQL(text).format(table=sql.Identifier(model._meta.db_table), **names)


def refusal(connection: psycopg.Connection[Any], statement: Any, values: Any) -> psycopg.Error:
    """The error of a statement that must fail, the transaction still usable."""
    with pytest.raises(psycopg.Error) as caught, connection.transaction():
        connection.execute(statement, values)
    return caught.value


def test_every_tenant_table_is_filled(here: Filled, there: Filled) -> None:
    assert set(here.filler.rows) == set(there.filler.rows) == set(MODELS)
    assert len(MODELS) >= 17
    references = [
        (model, constraint.field)
        for model in MODELS
        for constraint in model._meta.constraints
        if isinstance(constraint, CompositeTenantForeignKey)
    ]
    unset = [
        f"{model._meta.label}.{name}"
        for model, name in references
        if getattr(here.row(model), f"{name}_id") is None
        and model._meta.get_field(name).related_model is not model
    ]
    assert unset == []
    assert in_dependency_order()


def test_without_a_tenant_every_table_raises(app: Any, here: Filled) -> None:
    """As a fresh connection (42704), and as one that a tenant has just left (22P02)."""
    statements = (
        "SELECT * FROM {table}",
        "SELECT count(*) FROM {table}",
        "UPDATE {table} SET tenant_id = tenant_id",
        "DELETE FROM {table}",
    )
    for expected in (errors.UndefinedObject, errors.InvalidTextRepresentation):
        for model in MODELS:
            for text in statements[: 2 if model in LEDGERS else 4]:
                error = refusal(app, query(text, model), [])
                assert isinstance(error, expected), (model, text, error)
        with inside(app, here):
            app.execute("SELECT 1")


@every_model
def test_no_row_of_another_tenant_is_read(
    model: type[models.Model], app: Any, here: Filled, there: Filled
) -> None:
    own, foreign = here.row(model), there.row(model)
    with inside(app, here):
        by_id = query("SELECT tenant_id, id FROM {table} WHERE id = %s", model)
        assert app.execute(by_id, [own.id]).fetchall() == [(here.shop.tenant.id, own.id)]
        assert app.execute(by_id, [foreign.id]).fetchall() == []
        tenants = app.execute(query("SELECT DISTINCT tenant_id FROM {table}", model)).fetchall()
        assert tenants == [(here.shop.tenant.id,)]
        named = query("SELECT count(*) FROM {table} WHERE tenant_id = %s OR true", model)
        assert (
            app.execute(named, [there.shop.tenant.id]).fetchone()
            == app.execute(query("SELECT count(*) FROM {table}", model)).fetchone()
        )


@every_model
def test_no_row_of_another_tenant_is_changed_or_deleted(
    model: type[models.Model], app: Any, owner: Any, here: Filled, there: Filled
) -> None:
    foreign = there.row(model)
    whole = query("SELECT t::text FROM {table} t WHERE id = %s", model)

    def as_owner() -> Any:
        with owner.connection.transaction():
            owner.connection.execute(
                "SELECT set_config('app.tenant_id', %s, true)", [str(there.shop.tenant.id)]
            )
            return owner.connection.execute(whole, [foreign.id]).fetchall()

    before = as_owner()
    assert len(before) == 1
    writes = (
        query("UPDATE {table} SET id = id WHERE id = %s", model),
        query("DELETE FROM {table} WHERE id = %s", model),
    )
    with app.transaction():
        app.execute("SELECT set_config('app.tenant_id', %s, true)", [str(here.shop.tenant.id)])
        for statement in writes:
            if model in LEDGERS:
                error = refusal(app, statement, [foreign.id])
                assert "permission denied" in str(error)
            else:
                assert app.execute(statement, [foreign.id]).rowcount == 0
    assert as_owner() == before


@every_model
def test_no_row_is_given_to_another_tenant(
    model: type[models.Model], app: Any, here: Filled, there: Filled
) -> None:
    own = here.row(model)
    columns = [field.column for field in model._meta.local_fields]
    others = [column for column in columns if column not in ("tenant_id", "id")]
    names = sql.SQL(", ").join(map(sql.Identifier, others))
    copy = sql.SQL(
        "INSERT INTO {table} (tenant_id, id{comma}{names})"
        " SELECT %s, %s{comma}{names} FROM {table} WHERE id = %s"
    ).format(
        table=sql.Identifier(model._meta.db_table),
        comma=sql.SQL(", " if others else ""),
        names=names,
    )
    with inside(app, here):
        error = refusal(app, copy, [there.shop.tenant.id, uuid.uuid4(), own.id])
        assert error.sqlstate == "42501"
        wanted = "permission denied" if model in WRITTEN else "violates row-level security policy"
        assert wanted in str(error)
        move = query("UPDATE {table} SET tenant_id = %s WHERE id = %s", model)
        error = refusal(app, move, [there.shop.tenant.id, own.id])
        assert error.sqlstate == "42501"
        wanted = "permission denied" if model in LEDGERS else "violates row-level security policy"
        assert wanted in str(error)


def _attempt(filled: Filled, model: type[models.Model], field: str, identifier: uuid.UUID) -> Any:
    """The diagnosis of inserting an otherwise right row that refers to `identifier`."""
    for row in filled.filler.candidates(model):
        setattr(row, f"{field}_id", identifier)
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            cause: Any = error.__cause__
            if isinstance(cause, errors.CheckViolation):
                continue
            diagnosis = cause.diag
            return (
                diagnosis.sqlstate,
                diagnosis.constraint_name,
                str(cause).replace(str(identifier), "<asked>"),
            )
        return "stored"
    return "no candidate"


def test_no_row_of_another_tenant_is_referred_to(here: Filled, there: Filled) -> None:
    """A foreign id is refused exactly as one that never existed, by every reference."""
    asked = 0
    for model in MODELS:
        for constraint in model._meta.constraints:
            if not isinstance(constraint, CompositeTenantForeignKey):
                continue
            target: Any = model._meta.get_field(constraint.field).related_model
            with enter(here.shop.tenant.id):
                foreign, unknown = (
                    _attempt(here, model, constraint.field, identifier)
                    for identifier in (there.row(target).id, uuid.uuid4())
                )
            assert foreign == unknown
            assert foreign[:2] == ("23503", constraint.name)
            asked += 1
    assert asked >= 14


@every_model
def test_references_cannot_be_moved_to_another_tenant(
    model: type[models.Model], app: Any, here: Filled, there: Filled
) -> None:
    for constraint in model._meta.constraints:
        if not isinstance(constraint, CompositeTenantForeignKey) or model in LEDGERS:
            continue
        field: Any = model._meta.get_field(constraint.field)
        statement = query(
            "UPDATE {table} SET {column} = %s WHERE id = %s", model, column=field.column
        )
        with inside(app, here):
            foreign, unknown = (
                refusal(app, statement, [identifier, here.row(model).id])
                for identifier in (there.row(field.related_model).id, uuid.uuid4())
            )
        assert foreign.sqlstate == unknown.sqlstate == "23503"
        assert foreign.diag.constraint_name == unknown.diag.constraint_name == constraint.name


def test_ledgers_refuse_update_and_delete_of_own_rows(app: Any, here: Filled) -> None:
    assert {model._meta.label for model in LEDGERS} >= {
        "inventory.StockMovement",
        "orders.OrderLine",
        "orders.OrderTax",
        "orders.OrderTransition",
        "orders.Payment",
        "orders.OrderReturn",
        "orders.ReturnLine",
        "orders.ReturnTax",
        "outbox.Event",
    }
    for model in LEDGERS:
        with inside(app, here):
            for text in (
                "UPDATE {table} SET id = id WHERE id = %s",
                "DELETE FROM {table} WHERE id = %s",
            ):
                error = refusal(app, query(text, model), [here.row(model).id])
                assert error.sqlstate == "42501"
                assert "permission denied" in str(error)


def test_no_table_is_truncated(app: Any, owner: Any) -> None:
    assert set(owner.tables) >= {model._meta.db_table for model in MODELS}
    for table in owner.tables:
        error = refusal(app, sql.SQL("TRUNCATE {} CASCADE").format(sql.Identifier(table)), [])
        assert error.sqlstate == "42501", table


def test_the_tenants_themselves_are_read_only(app: Any, here: Filled) -> None:
    with inside(app, here):
        for text in (
            "UPDATE tenancy_tenant SET status = 'active'",
            "DELETE FROM tenancy_tenant",
            "INSERT INTO tenancy_tenant (id) VALUES (gen_random_uuid())",
        ):
            assert "permission denied" in str(refusal(app, text.encode(), []))


def test_the_setting_ends_with_its_transaction(app: Any, here: Filled) -> None:
    with app.transaction():
        app.execute("SELECT set_config('app.tenant_id', %s, true)", [str(here.shop.tenant.id)])
        assert app.execute("SELECT count(*) > 0 FROM catalog_product").fetchone() == (True,)
    with app.transaction(force_rollback=True):
        found = app.execute("SELECT current_setting('app.tenant_id', true)").fetchone()
        assert found == ("",)
        error = refusal(app, "SELECT * FROM catalog_product", [])
        assert isinstance(error, errors.InvalidTextRepresentation)


def test_a_request_leaves_no_tenant_on_its_connection(here: Filled) -> None:
    from django.db import connection

    here.shop.client().get("/api/v1/products/")
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting('app.tenant_id', true), '')")
        assert cursor.fetchone() == ("",)


def test_the_relay_sees_deliveries_and_nothing_else(here: Filled, there: Filled) -> None:
    with connected("DATABASE_RELAY_URL") as relay:
        tenants = relay.execute("SELECT DISTINCT tenant_id FROM outbox_delivery").fetchall()
        assert {tenant for (tenant,) in tenants} == {here.shop.tenant.id, there.shop.tenant.id}
        for table in {model._meta.db_table for model in MODELS} | GLOBAL_TABLES:
            if table != "outbox_delivery":
                statement = sql.SQL("SELECT 1 FROM {}").format(sql.Identifier(table))
                assert refusal(relay, statement, []).sqlstate == "42501", table
        leased = "UPDATE outbox_delivery SET leased_until = now(), attempts = attempts + 1"
        with relay.transaction(force_rollback=True):
            assert relay.execute(leased.encode()).rowcount >= 2
        for text in (
            "UPDATE outbox_delivery SET handled_at = now()",
            "UPDATE outbox_delivery SET tenant_id = tenant_id",
            "DELETE FROM outbox_delivery",
            "INSERT INTO outbox_delivery (id) VALUES (gen_random_uuid())",
            "TRUNCATE outbox_delivery",
        ):
            assert refusal(relay, text.encode(), []).sqlstate == "42501", text


def test_look_ups_tell_a_person_of_their_own_tenants_alone(
    app: Any, here: Filled, there: Filled
) -> None:
    """By SQL, past our code: standing needs the person's own live session and membership."""
    person, stranger = here.shop.users["staff"], there.shop.users["staff"]
    here.shop.token("staff")
    there.shop.token("staff")
    own, foreign = (
        app.execute(
            "SELECT id FROM accounts_signinsession WHERE user_id = %s", [each.id]
        ).fetchone()[0]
        for each in (person, stranger)
    )
    mine, theirs = here.shop.tenant.id, there.shop.tenant.id

    def standing(*arguments: Any) -> list[Any]:
        call = "SELECT user_id, tenant_id, roles, permissions FROM noren_standing(%s, %s, %s, %s)"
        found: list[Any] = app.execute(call, arguments).fetchall()
        return found

    assert standing(person.id, own, mine, None) == [(person.id, mine, ["staff"], None)]
    for arguments in (
        (person.id, own, theirs, None),
        (person.id, own, theirs, mine),
        (person.id, own, uuid.uuid4(), None),
        (person.id, foreign, mine, None),
        (person.id, uuid.uuid4(), mine, None),
        (stranger.id, own, theirs, None),
        (uuid.uuid4(), own, mine, None),
        (None, own, mine, None),
        (person.id, None, mine, None),
    ):
        assert standing(*arguments) == [], arguments
    assert standing(person.id, own, mine, theirs) == [(person.id, mine, ["staff"], None)], (
        "a tenant named by one who is no superuser does not count"
    )
    assert standing(person.id, own, None, theirs) == [(person.id, None, None, None)]
    affiliations = app.execute("SELECT * FROM noren_affiliations(%s)", [person.id])
    assert [column.name for column in affiliations.description] == [
        "tenant_id",
        "tenant_name",
        "roles",
    ]
    assert affiliations.fetchall() == [(mine, here.shop.tenant.name, ["staff"])]
    setting = app.execute("SELECT current_setting('app.tenant_id', true)").fetchone()
    assert setting in ((None,), ("",)), "a look-up enters no tenant"

"""History can't be forged, and what it says of an earlier moment agrees with a model."""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import errors

from noren.catalog.models import Brand
from noren_kit.audit.changes import first_id_after, first_id_at
from noren_kit.audit.models import Change
from noren_kit.db.history import cause_text
from noren_kit.tenancy.entering import enter
from noren_kit.testing.filling import fill_tenant
from noren_kit.testing.shops import Shop

# What the application might try; each must fail, by the rights that it has not.
FORGERIES = (
    "INSERT INTO audit_change (tenant_id, id, at, resource, row_id, operation, actor_name,"
    " request_id, db_role) VALUES (%(tenant)s, gen_random_uuid(), now(), 'catalog.brand',"
    " gen_random_uuid(), 'insert', '', '', '')",
    "UPDATE audit_change SET actor_name = 'another'",
    "DELETE FROM audit_change",
    "TRUNCATE audit_change",
    "COPY audit_change FROM STDIN",
    "SELECT noren_record_change()",
    "CREATE TABLE forged (tenant_id uuid, id uuid)",
    "CREATE TEMPORARY TABLE forged (tenant_id uuid, id uuid)",
    "CREATE TRIGGER forged AFTER INSERT ON catalog_brand REFERENCING NEW TABLE AS now"
    " FOR EACH STATEMENT EXECUTE FUNCTION noren_record_change('catalog.order', '{}', '{}')",
    "ALTER TABLE catalog_brand DISABLE TRIGGER ALL",
    "DROP TRIGGER catalog_brand_history_made ON catalog_brand",
    "ALTER FUNCTION noren_record_change() SECURITY INVOKER",
    "SET session_replication_role = replica",
    "SET ROLE noren_audit",
)


@contextmanager
def inside(shop: Shop, cause: str = "") -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(os.environ["DATABASE_URL"]) as app:
        app.execute("SELECT set_config('app.tenant_id', %s, true)", [str(shop.tenant.id)])
        app.execute("SELECT set_config('app.cause', %s, true)", [cause])
        yield app


@pytest.mark.parametrize("statement", FORGERIES)
def test_the_application_forges_nothing(statement: str, shop: Shop) -> None:
    fill_tenant(shop.tenant.id)
    with enter(shop.tenant.id):
        before = list(Change.objects.order_by("id").values())
    with inside(shop) as app, pytest.raises(psycopg.Error) as caught:
        app.execute(statement.encode(), {"tenant": shop.tenant.id} if "%(" in statement else None)
    refused = (errors.InsufficientPrivilege, errors.FeatureNotSupported)
    assert isinstance(caught.value, refused), caught.value
    with enter(shop.tenant.id):
        assert list(Change.objects.order_by("id").values()) == before


def test_raw_statements_without_a_cause_name_the_role(shop: Shop) -> None:
    with inside(shop) as app:
        app.execute(
            "INSERT INTO catalog_brand (tenant_id, id, name, created_at, updated_at)"
            " VALUES (%s, gen_random_uuid(), 'raw', now(), now())",
            [shop.tenant.id],
        )
    with enter(shop.tenant.id):
        change = Change.objects.get(resource="catalog.brand")
    assert (change.actor_id, change.actor_name, change.credential_id) == (None, "", None)
    assert (change.request_id, change.db_role) == ("", "noren_app")


def test_a_cause_is_written_whole(shop: Shop) -> None:
    actor, credential = uuid.uuid4(), uuid.uuid4()
    name = "Ōta  Kei (the 2nd) - " + "x" * 300
    cause = cause_text(actor=actor, credential=credential, request_id="r-1", name=name)
    with inside(shop, cause) as app:
        app.execute(
            "INSERT INTO catalog_brand (tenant_id, id, name, created_at, updated_at)"
            " SELECT %s, gen_random_uuid(), 'raw ' || n, now(), now() FROM generate_series(1, 3) n",
            [shop.tenant.id],
        )
    with enter(shop.tenant.id):
        changes = list(Change.objects.filter(resource="catalog.brand"))
    assert len({each.id for each in changes}) == 3
    for each in changes:
        assert (each.actor_id, each.credential_id) == (actor, credential)
        assert (each.request_id, each.actor_name) == ("r-1", name[:200])


def test_ids_are_of_their_moment(shop: Shop) -> None:
    with enter(shop.tenant.id):
        for number in range(20):
            Brand.objects.create(name=f"B{number}")
        changes = list(Change.objects.order_by("id"))
    assert [each.at for each in changes] == sorted(each.at for each in changes)
    for each in changes:
        assert each.id.version == 7
        assert each.id.variant == uuid.RFC_4122
        assert first_id_at(each.at) <= each.id < first_id_after(each.at)


def test_a_row_that_changes_its_id_goes_and_comes(shop: Shop) -> None:
    with enter(shop.tenant.id):
        brand = Brand.objects.create(name="one")
        last = Change.objects.latest("id")
    other = uuid.uuid4()
    with inside(shop) as app:
        app.execute("UPDATE catalog_brand SET id = %s WHERE id = %s", [other, brand.id])
    with enter(shop.tenant.id):
        found = {
            each.row_id: each
            for each in Change.objects.filter(id__gt=last.id, resource="catalog.brand")
        }
    assert set(found) == {brand.id, other}
    assert found[brand.id].operation == "delete"
    assert found[brand.id].new is None
    assert found[other].operation == "insert"
    assert found[other].old is None


def test_derived_columns_leave_nothing(shop: Shop) -> None:
    filler = fill_tenant(shop.tenant.id)
    with enter(shop.tenant.id):
        count = Change.objects.count()
    with inside(shop) as app:
        for statement in (
            "UPDATE inventory_stockitem SET on_hand = on_hand + 1, sold = sold + 1",
            "UPDATE catalog_product SET review_count = review_count + 1, rating_sum = 3",
            "UPDATE catalog_brand SET updated_at = clock_timestamp(), updated_by_id = NULL",
            "UPDATE accounts_apikey SET last_used_at = now()",
            "UPDATE jobs_job SET position = position + 1",
            "UPDATE catalog_product SET name = name",
        ):
            assert app.execute(statement.encode()).rowcount >= 1, statement
    with enter(shop.tenant.id):
        assert Change.objects.count() == count
    assert filler.rows


def test_secrets_stay_out_while_their_change_is_told(shop: Shop) -> None:
    fill_tenant(shop.tenant.id)
    with inside(shop) as app:
        app.execute("UPDATE accounts_apikey SET digest = 'a-new-secret'")
    with enter(shop.tenant.id):
        change = Change.objects.latest("id")
        texts = str(list(Change.objects.values_list("old", "new")))
    assert (change.resource, change.operation) == ("accounts.apikey", "update")
    assert (change.old, change.new) == ({"version": 1}, {"version": 2})
    assert "a-new-secret" not in texts
    assert "'digest'" not in texts


@dataclass
class Model:
    """What a row was at each of the moments at which somebody looked."""

    row: dict[str, Any] | None = None
    seen: list[tuple[dt.datetime, dict[str, Any] | None]] = field(default_factory=list)


NAMES = st.sampled_from(["a", "b", "ō", "'; --", '{"x": null}'])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), NAMES),
        st.tuples(st.just("rename"), NAMES),
        st.tuples(st.just("code"), NAMES),
        st.tuples(st.just("touch"), st.none()),
        st.tuples(st.just("bin"), st.booleans()),
        st.tuples(st.just("delete"), st.none()),
        st.tuples(st.just("roll back"), NAMES),
    ),
    max_size=14,
)
COLUMNS = ("code", "name", "deleted_at")


def _apply(app: Any, shop: Shop, pk: uuid.UUID, step: tuple[str, Any], model: Model) -> None:
    kind, value = step
    value = f"{pk} {value}" if kind == "code" else value  # Unique among the examples' rows.
    if kind == "insert":
        if model.row is None:
            app.execute(
                "INSERT INTO catalog_supplier (tenant_id, id, code, name, created_at, updated_at)"
                " VALUES (%s, %s, %s, %s, now(), now())",
                [shop.tenant.id, pk, f"{pk}", value],
            )
            model.row = {"code": f"{pk}", "name": value, "deleted_at": False}
        return
    statements: dict[str, tuple[str, Any]] = {
        "rename": ("UPDATE catalog_supplier SET name = %(value)s WHERE id = %(pk)s", "name"),
        "code": ("UPDATE catalog_supplier SET code = %(value)s WHERE id = %(pk)s", "code"),
        "touch": ("UPDATE catalog_supplier SET updated_at = now() WHERE id = %(pk)s", None),
        "bin": (
            "UPDATE catalog_supplier SET deleted_at = CASE WHEN %(value)s THEN now() END"
            " WHERE id = %(pk)s",
            "deleted_at",
        ),
        "delete": ("DELETE FROM catalog_supplier WHERE id = %(pk)s", None),
        "roll back": ("UPDATE catalog_supplier SET name = %(value)s WHERE id = %(pk)s", None),
    }
    statement, column = statements[kind]
    app.execute(statement.encode(), {"value": value, "pk": pk})
    if kind == "delete":
        model.row = None
    elif column is not None and model.row is not None:
        model.row = {**model.row, column: value}


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_as_of_agrees_with_a_model(steps: list[tuple[str, Any]], shop: Shop) -> None:
    pk, model = uuid.uuid4(), Model()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as app:
        for step in [("look", None), *steps]:
            with app.transaction(force_rollback=step[0] == "roll back"):
                app.execute("SELECT set_config('app.tenant_id', %s, true)", [str(shop.tenant.id)])
                if step[0] != "look":
                    _apply(app, shop, pk, step, model)
            [(moment,)] = app.execute("SELECT clock_timestamp()").fetchall()
            model.seen.append((moment, model.row))
        with app.transaction():
            app.execute("SELECT set_config('app.tenant_id', %s, true)", [str(shop.tenant.id)])
            for moment, expected in model.seen:
                rows = app.execute(
                    "SELECT code, name, deleted_at IS NOT NULL FROM noren_row_as_of("
                    "NULL::catalog_supplier, 'catalog.supplier', %s, %s, %s)",
                    [shop.tenant.id, pk, first_id_after(moment)],
                ).fetchall()
                found = dict(zip(COLUMNS, rows[0], strict=True)) if rows else None
                assert found == expected

"""Every way of writing a tenant's table leaves one true row of history for each row it changes.

All models are enumerated: a new one is covered without a line here, or says why it has none.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import models
from psycopg import sql

from noren_kit.audit.models import Change
from noren_kit.db.constraints import AppendOnly
from noren_kit.db.history import QUIET_COLUMNS, recorded_as
from noren_kit.tenancy.checks import SECRET_WORDS, tenant_models
from noren_kit.tenancy.entering import enter
from noren_kit.testing.filling import fill_tenant
from noren_kit.testing.shops import Shop

MODELS = sorted(tenant_models(), key=lambda model: model._meta.label)
RECORDED = [model for model in MODELS if recorded_as(model)]
every_model = pytest.mark.parametrize("model", RECORDED, ids=lambda model: model._meta.label)
APP, PLATFORM = "DATABASE_URL", "DATABASE_PLATFORM_URL"
Values = dict[str, Any]

# Logs themselves, what follows from other rows, and the books of machines.
UNRECORDED = {
    "audit.AccessEntry",
    "audit.Change",
    "catalog.ClaimedSku",
    "idempotency.KeptAnswer",
    "jobs.JobIssue",
    "orders.OrderNumber",
    "outbox.Delivery",
    "outbox.Event",
    "search.Term",
    "tenancy.Revision",
}


def is_fixed(model: type[models.Model]) -> bool:
    """Whether the application may only add rows."""
    return any(isinstance(each, AppendOnly) for each in model._meta.constraints)


def resource(model: type[models.Model]) -> str:
    recorded = recorded_as(model)
    assert recorded is not None
    return recorded.resource


def visible(model: type[models.Model], values: Values, *, whole: bool = False) -> Values:
    """Of a row's columns what history has of them; of an update it has no ignored ones."""
    recorded = recorded_as(model)
    assert recorded is not None
    left_out = {*recorded.masked, *(() if whole else recorded.ignored)}
    return {name: value for name, value in values.items() if name not in left_out}


@contextmanager
def raw(shop: Shop, variable: str = APP, cause: str = "") -> Iterator[psycopg.Connection[Any]]:
    """A transaction in the shop by SQL alone."""
    with psycopg.connect(os.environ[variable]) as connected:
        connected.execute("SELECT set_config('app.tenant_id', %s, true)", [str(shop.tenant.id)])
        if cause:
            connected.execute("SELECT set_config('app.cause', %s, true)", [cause])
        yield connected


class Log:
    """What history has gained since it was last looked at."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.seen = shop, set[uuid.UUID]()
        self.new()

    def new(self, model: type[models.Model] | None = None) -> list[Change]:
        with enter(self.shop.tenant.id):
            found = [each for each in Change.objects.order_by("id") if each.id not in self.seen]
        self.seen |= {each.id for each in found}
        return [each for each in found if model is None or each.resource == resource(model)]


def stored(shop: Shop, model: type[models.Model], ids: list[uuid.UUID]) -> dict[uuid.UUID, Values]:
    """Rows as PostgreSQL says them in JSON, by id."""
    query = sql.SQL("SELECT id, to_jsonb(r)::text FROM {} r WHERE id = ANY(%s)").format(
        sql.Identifier(model._meta.db_table)
    )
    with raw(shop) as app:
        rows = app.execute(query, [ids]).fetchall()
    return {key: json.loads(text, parse_float=Decimal) for key, text in rows}


def assert_inserted(shop: Shop, model: Any, changes: list[Change], ids: list[uuid.UUID]) -> None:
    rows = stored(shop, model, ids)
    assert sorted(each.row_id for each in changes) == sorted(ids)
    for each in changes:
        assert each.operation == "insert"
        assert each.old is None
        assert each.new == visible(model, rows[each.row_id], whole=True)


def test_who_has_no_history_says_why() -> None:
    assert {model._meta.label for model in MODELS if model not in RECORDED} == UNRECORDED
    for model in MODELS:
        assert bool(getattr(model, "unrecorded", "")) is (model not in RECORDED), model
    assert len(RECORDED) >= 18


def test_secrets_are_masked() -> None:
    found = {
        f"{model._meta.label}.{field.column}"
        for model in RECORDED
        for field in model._meta.local_fields
        if any(word in str(field.column) for word in SECRET_WORDS)
    }
    masked = {
        f"{model._meta.label}.{name}"
        for model in RECORDED
        for name in getattr(recorded_as(model), "masked", ())
    }
    assert found == {"accounts.ApiKey.digest", "accounts.ApiKey.previous_digest"}
    assert found <= masked


def columns_of(model: type[models.Model]) -> list[str]:
    return [str(field.column) for field in model._meta.local_fields]


def writer_of(model: type[models.Model]) -> str:
    """Who may change and remove rows: of what is append-only the platform."""
    return PLATFORM if is_fixed(model) else APP


def remove(shop: Shop, model: type[models.Model], ids: list[uuid.UUID]) -> None:
    query = sql.SQL("DELETE FROM {} WHERE id = ANY(%s)").format(
        sql.Identifier(model._meta.db_table)
    )
    with raw(shop, writer_of(model)) as writer:
        assert writer.execute(query, [ids]).rowcount == len(ids)


def assert_removed(model: Any, changes: list[Change], rows: dict[uuid.UUID, Values]) -> None:
    assert sorted(each.row_id for each in changes) == sorted(rows)
    for each in changes:
        assert (each.operation, each.new) == ("delete", None)
        assert each.old == visible(model, rows[each.row_id], whole=True)


def assert_updated(
    shop: Shop, model: Any, changes: list[Change], before: dict[uuid.UUID, Values]
) -> None:
    after = stored(shop, model, list(before))
    assert sorted(each.row_id for each in changes) == sorted(before)
    for each in changes:
        was, became = (visible(model, rows[each.row_id]) for rows in (before, after))
        differing = {name for name in became if was[name] != became[name]}
        assert differing
        assert each.operation == "update"
        assert each.old == {name: was[name] for name in differing}
        assert each.new == {name: became[name] for name in differing}


def copy_in(shop: Shop, model: Any, data: bytes) -> None:
    statement = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(model._meta.db_table))
    # COPY FROM is not for tables with row-level security, but for who is past it.
    with raw(shop, PLATFORM) as writer, writer.cursor().copy(statement) as copy:
        copy.write(data)


def copy_out(shop: Shop, model: Any, ids: list[uuid.UUID]) -> bytes:
    query = sql.SQL("COPY (SELECT * FROM {} WHERE id = ANY(%s)) TO STDOUT").format(
        sql.Identifier(model._meta.db_table)
    )
    with raw(shop) as reader, reader.cursor().copy(query, [ids]) as copy:
        return b"".join(copy)


def insert_raw(shop: Shop, model: Any, rows: list[Values], conflict: str = "") -> None:
    table = sql.Identifier(model._meta.db_table)
    statement = sql.SQL(
        "INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, %s) {conflict}"
    ).format(table=table, conflict=sql.SQL(conflict))  # type: ignore[arg-type]
    with raw(shop, writer_of(model)) as writer:
        writer.execute(statement, [json.dumps(rows, default=str)])


@every_model
def test_each_way_of_inserting_and_deleting(model: type[models.Model], shop: Shop) -> None:
    filler, manager = fill_tenant(shop.tenant.id), model._meta.managers_map["every"]
    log = Log(shop)
    with enter(shop.tenant.id):
        made = [filler.save(model) for _ in range(3)]
    ids = [each.id for each in made]
    assert_inserted(shop, model, log.new(model), ids)
    rows, data = stored(shop, model, ids), copy_out(shop, model, ids)

    def insert_by_orm() -> None:
        with enter(shop.tenant.id):
            manager.bulk_create(made)  # type: ignore[attr-defined]

    ways: tuple[Callable[[], None], ...] = (
        insert_by_orm,
        lambda: insert_raw(shop, model, list(rows.values())),
        lambda: copy_in(shop, model, data),
    )
    for insert in ways:
        found = stored(shop, model, ids)
        remove(shop, model, ids)
        assert_removed(model, log.new(model), found)
        insert()
        assert_inserted(shop, model, log.new(model), ids)
    if not is_fixed(model):
        found = stored(shop, model, ids)
        with enter(shop.tenant.id):
            manager.filter(id__in=ids)._raw_delete("default")  # type: ignore[attr-defined]
        assert_removed(model, log.new(model), found)


@every_model
def test_each_way_of_updating(model: type[models.Model], shop: Shop) -> None:
    filler, manager = fill_tenant(shop.tenant.id), model._meta.managers_map["every"]
    with enter(shop.tenant.id):
        made = [filler.save(model) for _ in range(3)]
    ids = [each.id for each in made]
    log = Log(shop)
    field = changing_field(model)
    table = sql.Identifier(model._meta.db_table)
    if field is None:
        return
    values = itertools.count(1)

    def update_raw() -> None:
        statement = sql.SQL("UPDATE {} SET {} = %s WHERE id = ANY(%s)").format(
            table, sql.Identifier(str(field.column))
        )
        with raw(shop, writer_of(model)) as writer:
            writer.execute(statement, [value_of(field, next(values)), ids])

    def upsert() -> None:
        rows = [{**row, field.column: value_of(field, next(values))} for row in found.values()]
        name = f'"{field.column}"'
        conflict = f"ON CONFLICT (tenant_id, id) DO UPDATE SET {name} = EXCLUDED.{name}"
        insert_raw(shop, model, rows, conflict)

    def update_by_queryset() -> None:
        with enter(shop.tenant.id):
            changed = {field.attname: value_of(field, next(values))}
            manager.filter(id__in=ids).update(**changed)  # type: ignore[attr-defined]

    def bulk_update() -> None:
        with enter(shop.tenant.id):
            for each in made:
                setattr(each, field.attname, value_of(field, next(values)))
            manager.bulk_update(made, [field.name])  # type: ignore[attr-defined]

    def save() -> None:
        with enter(shop.tenant.id):
            for each in made:
                setattr(each, field.attname, value_of(field, next(values)))
                each.save(update_fields=[field.name])

    by_orm = () if is_fixed(model) else (update_by_queryset, bulk_update, save)
    for update in (update_raw, upsert, *by_orm):
        found = stored(shop, model, ids)
        update()
        assert_updated(shop, model, log.new(model), found)
    with raw(shop, writer_of(model)) as writer:
        writer.execute(sql.SQL("UPDATE {} SET id = id").format(table))
    assert log.new() == [], "nothing changed"


def changing_field(model: type[models.Model]) -> Any:
    """A field of text or a moment that is tied to no other, None where a row has none."""
    recorded = recorded_as(model)
    assert recorded is not None
    tied = {
        word
        for each in model._meta.constraints
        if isinstance(each, models.CheckConstraint | models.UniqueConstraint)
        for word in re.findall(r"\w+", str(each.deconstruct()))
    }
    hidden = {*recorded.ignored, *recorded.masked, *QUIET_COLUMNS, "tenant_id", "id"}
    for field in model._meta.local_fields:
        kinds = (models.CharField, models.TextField, models.DateTimeField)
        free = isinstance(field, kinds) and not field.choices and field.name not in tied
        if free and field.column not in hidden and not isinstance(field, models.ForeignKey):
            return field
    return None


def value_of(field: Any, number: int) -> Any:
    if isinstance(field, models.DateTimeField):
        return dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=number)
    return f"v{number}"


def test_few_tables_have_nothing_to_change() -> None:
    """Links, counters and numbers: what is left to the tests of their own."""
    assert {model._meta.label for model in RECORDED if changing_field(model) is None} == {
        "accounts.MembershipRole",
        "catalog.ProductTag",
        "catalog.TaxRate",
        "inventory.StockItem",
        "orders.OrderTax",
        "orders.ReservedLine",
        "orders.ReturnLine",
        "orders.ReturnTax",
    }

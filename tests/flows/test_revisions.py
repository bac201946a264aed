"""Every transaction that writes a collection raises its revision by one, whatever way it writes.

All models that have a revision are enumerated: a new one is covered without a line here.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection, connections, models, transaction
from django.utils import timezone
from psycopg import sql

from noren.catalog.models import Brand, Product, Tag
from noren_kit.accounts import api_keys, tokens
from noren_kit.accounts.models import ApiKey
from noren_kit.accounts.standing import Standing, enter_by_key, enter_standing
from noren_kit.core import context
from noren_kit.core.context import Revision
from noren_kit.db.constraints import AppendOnly
from noren_kit.db.revisions import Revised, collection_of
from noren_kit.db.versions import Versioned
from noren_kit.tenancy.checks import tenant_models
from noren_kit.tenancy.entering import enter
from noren_kit.tenancy.models import TenantModel
from noren_kit.testing.filling import fill_tenant
from noren_kit.testing.plugin import OwnerConnection
from noren_kit.testing.shops import Shop, make_superuser

MODELS = sorted(
    (model for model in tenant_models() if collection_of(model)),
    key=lambda model: model._meta.label,
)
COUNTED = {
    model._meta.db_table: model
    for model in MODELS
    if any(isinstance(each, Revised) and each.live for each in model._meta.constraints)
}
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
Revisions = dict[str, Revision]


def revisions(shop: Shop) -> Revisions:
    with enter(shop.tenant.id):
        return dict(context.revisions())


def numbers(shop: Shop) -> dict[str, int]:
    return {collection: revision.number for collection, revision in revisions(shop).items()}


def assert_counted(shop: Shop) -> None:
    """`live` is what a count says, in every collection."""
    found = revisions(shop)
    with enter(shop.tenant.id):
        for collection, model in COUNTED.items():
            counted = model.objects.count()
            assert found.get(collection, Revision(0, 0)).live == counted, collection


@contextmanager
def raising(shop: Shop, *collections: str, also: bool = False) -> Iterator[None]:
    """The block raises these collections by one, and with `also` maybe others."""
    before = numbers(shop)
    yield
    after = numbers(shop)
    raised = {name: after[name] - before.get(name, 0) for name in after}
    raised = {name: by for name, by in raised.items() if by and (not also or name in collections)}
    assert raised == dict.fromkeys(collections, 1)
    assert_counted(shop)


@contextmanager
def platform(shop: Shop, variable: str = "DATABASE_PLATFORM_URL") -> Iterator[Any]:
    with psycopg.connect(os.environ[variable]) as connected:
        connected.execute("SELECT set_config('app.tenant_id', %s, true)", [str(shop.tenant.id)])
        yield connected


def written(model: type[models.Model]) -> sql.Composed:
    """A statement that changes a row."""
    change = "updated_at = clock_timestamp()" if issubclass(model, TenantModel) else "id = id"
    text = f"UPDATE {{}} SET {change} WHERE id = %s"
    return sql.SQL(text).format(sql.Identifier(model._meta.db_table))  # type: ignore[arg-type]


def test_the_resources_have_revisions() -> None:
    found = {model._meta.label: collection_of(model) for model in MODELS}
    assert found["catalog.ProductTag"] == "catalog_product"
    assert found["inventory.StockItem"] == "inventory_stockitem"
    assert found["orders.OrderLine"] == found["orders.OrderTax"] == "orders_order"
    assert set(COUNTED) == {model._meta.db_table for model in MODELS} - {
        "catalog_producttag",
        "catalog_taxrate",
        "inventory_stockitem",
        "orders_orderline",
        "orders_ordertax",
        "orders_reservedline",
    }
    assert not {name for name in found if name.startswith(("accounts.", "jobs.", "outbox."))}


@every_model
def test_each_way_of_writing(model: type[models.Model], shop: Shop, neighbour: Shop) -> None:
    manager: Any = model._meta.managers_map["every"]
    table, collection = model._meta.db_table, collection_of(model) or ""
    filler = fill_tenant(shop.tenant.id)
    fill_tenant(neighbour.tenant.id)
    others = revisions(neighbour)
    with raising(shop, collection, also=True), enter(shop.tenant.id):
        made = [filler.save(model) for _ in range(3)]
    ids = [row.id for row in made]
    # What is append-only to the application, the platform may still change.
    fixed = any(isinstance(each, AppendOnly) for each in model._meta.constraints)
    writer = "DATABASE_PLATFORM_URL" if fixed else "DATABASE_URL"
    with raising(shop, collection), platform(shop, writer) as app:
        for each in ids:
            app.execute(written(model), [each])
    if issubclass(model, TenantModel):
        for deleted_at in (timezone.now(), None):
            with raising(shop, collection), enter(shop.tenant.id):
                manager.filter(id__in=ids[:2]).touch(deleted_at=deleted_at)
    with platform(shop) as admin:
        query = f"COPY (SELECT * FROM {table} WHERE id = ANY(%s)) TO STDOUT"
        with admin.cursor().copy(query, [ids]) as copy:
            rows = b"".join(copy)
    with raising(shop, collection), platform(shop, writer) as app:
        assert app.execute(f"DELETE FROM {table} WHERE id = ANY(%s)", [ids]).rowcount == 3
    with (
        raising(shop, collection),
        platform(shop) as admin,
        admin.cursor().copy(f"COPY {table} FROM STDIN") as copy,
    ):
        copy.write(rows)
    with raising(shop, collection), platform(shop, "DATABASE_OWNER_URL") as owner:
        owner.execute(f"DELETE FROM {table} WHERE id = ANY(%s)", [ids])
    with raising(shop, collection), enter(shop.tenant.id):
        manager.bulk_create(made)
    with raising(shop), platform(shop, writer) as app:
        app.execute(f"DELETE FROM {table} WHERE id = %s", [uuid.uuid4()])
        app.execute(f"UPDATE {table} SET id = id WHERE id = %s", [uuid.uuid4()])
    assert revisions(neighbour) == others


def new_brand() -> Brand:
    brand: Brand = Brand.objects.create(name=uuid.uuid4().hex)
    return brand


def test_what_is_rolled_back_leaves_no_trace(shop: Shop) -> None:
    with raising(shop), enter(shop.tenant.id):
        new_brand()
        transaction.set_rollback(True)
    with raising(shop, "catalog_tag"), enter(shop.tenant.id):
        with transaction.atomic():
            new_brand()
            transaction.set_rollback(True)
        Tag.objects.create(name="kept")
    with raising(shop, "catalog_brand"), enter(shop.tenant.id):
        new_brand()
        with transaction.atomic():
            Brand.objects.all().delete()
            transaction.set_rollback(True)
        with transaction.atomic():
            new_brand()


def test_each_transaction_counts_once_however_much_it_writes(shop: Shop) -> None:
    with raising(shop, "catalog_brand", "catalog_tag"), enter(shop.tenant.id):
        for number in range(20):
            new_brand()
            Tag.objects.create(name=str(number))
        Brand.objects.first().delete()


@pytest.fixture
def images_apart(owner: OwnerConnection) -> Iterator[None]:
    """Products' images belong to the stock meanwhile, by `counted_apart` as migrations make it."""
    (usual,) = (each for each in Product._meta.constraints if isinstance(each, Revised))
    (versioned,) = (each for each in Product._meta.constraints if isinstance(each, Versioned))
    apart = Revised(
        name=usual.name,
        collection=usual.collection,
        apart={"image": "inventory_stockitem"},
        live=True,
    )
    # Columns that are apart are no change of the row itself.
    without = Versioned(name=versioned.name, derived=[*versioned.derived, "image"])

    def replace(one: Any, other: Any) -> None:
        table, quote = "catalog_product", connection.ops.quote_name
        with owner.connection.transaction():
            for statement in [
                *one.undo_statements(table, quote),
                *other.statements(table, quote, Product),
            ]:
                owner.connection.execute(statement.encode())

    replace(usual, apart)
    replace(versioned, without)
    yield
    replace(without, versioned)
    replace(apart, usual)


@pytest.mark.usefixtures("images_apart")
def test_columns_apart_belong_to_their_collection(shop: Shop) -> None:
    product = fill_tenant(shop.tenant.id).rows[Product]

    def update(**values: Any) -> None:
        with enter(shop.tenant.id):
            Product.objects.filter(id=product.id).update(**values)

    with raising(shop, "inventory_stockitem"):
        update(image="7")
    with raising(shop, "catalog_product"):
        update(name="another")
    with raising(shop, "catalog_product", "inventory_stockitem"):
        update(image="8", name="and another")
    with raising(shop):
        update(image="8", name="and another")
    with raising(shop, "catalog_product"):
        update(deleted_at=timezone.now())


@pytest.mark.usefixtures("images_apart")
def test_columns_apart_of_many_rows_and_their_deletion_together(shop: Shop) -> None:
    """A plan that was made for one row also serves for thousands."""
    filler = fill_tenant(shop.tenant.id)
    product = filler.rows[Product]
    with enter(shop.tenant.id):
        Product.objects.filter(id=product.id).update(image="1")
        _multiply(product, 5_000)
    with raising(shop, "inventory_stockitem"), enter(shop.tenant.id):
        assert Product.objects.update(image="2") == 5_001
    with raising(shop, "catalog_product"), enter(shop.tenant.id):
        Product.objects.update(deleted_at=timezone.now())


def _multiply(product: Product, count: int) -> None:
    values = {"id": "gen_random_uuid()", "sku": "'s' || n", "stock_item_id": "gen_random_uuid()"}
    columns = [field.column for field in Product._meta.concrete_fields]
    taken = ", ".join(values.get(name, f"p.{name}") for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH product AS ("
            f"INSERT INTO catalog_product ({', '.join(columns)}) SELECT {taken}"
            "  FROM catalog_product p, generate_series(1, %s) n WHERE p.id = %s"
            " RETURNING tenant_id, stock_item_id)"
            " INSERT INTO inventory_stockitem (tenant_id, id, on_hand, reserved)"
            " SELECT tenant_id, stock_item_id, 0, 0 FROM product",
            [count, product.id],
        )


def test_one_transaction_in_two_tenants(shop: Shop, neighbour: Shop) -> None:
    """As the application, which enters them in turn and leaves both; and as one who sees all."""
    with (
        raising(shop, "catalog_brand"),
        raising(neighbour, "catalog_brand", "catalog_tag"),
        transaction.atomic(),
    ):
        with enter(neighbour.tenant.id):
            new_brand()
            with enter(shop.tenant.id):
                new_brand()
            Tag.objects.create(name="x")
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('app.tenant_id')")
            assert cursor.fetchone() == ("",)
    with (
        raising(shop, "catalog_brand"),
        raising(neighbour, "catalog_brand"),
        psycopg.connect(os.environ["DATABASE_PLATFORM_URL"]) as admin,
    ):
        admin.execute("UPDATE catalog_brand SET updated_at = clock_timestamp()")


def test_constraints_that_are_checked_at_once(shop: Shop) -> None:
    """Then each statement is settled, and nothing is left behind."""
    with enter(shop.tenant.id):
        new_brand()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            assert numbers(shop)["catalog_brand"] == 1
            new_brand()
            assert numbers(shop)["catalog_brand"] == 2
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        new_brand()
    assert numbers(shop)["catalog_brand"] == 3
    assert_counted(shop)


def at_once(*acts: Callable[[], Any]) -> None:
    def run(act: Callable[[], Any]) -> None:
        try:
            act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        for outcome in [pool.submit(run, act) for act in acts]:
            outcome.result(timeout=60)


def test_opposite_orders_do_not_deadlock(shop: Shop) -> None:
    def writer(kinds: list[Any], met: threading.Barrier) -> Callable[[], None]:
        def write() -> None:
            for _ in range(25):
                with enter(shop.tenant.id):
                    for kind in kinds:
                        kind.objects.create(name=uuid.uuid4().hex)
                        met.wait()

        return write

    met = threading.Barrier(4, timeout=30)
    kinds = [Brand, Tag]
    at_once(*(writer(kinds[::way], met) for way in (1, -1, 1, -1)))
    assert revisions(shop)["catalog_brand"] == revisions(shop)["catalog_tag"] == (100, 100)


def test_what_a_reader_gets_is_of_its_tenant(shop: Shop, neighbour: Shop) -> None:
    with enter(shop.tenant.id):
        new_brand()
        found = context.revisions()
        assert found["catalog_brand"] == (0, 0), "as read, and before any write"
    with enter(neighbour.tenant.id):
        assert context.revisions()["catalog_brand"] == (0, 0)
        with enter(shop.tenant.id) as info:
            assert context.revisions()["catalog_brand"] == (1, 1)
            with context.acting(info, shop.actor()):
                assert context.revisions()["catalog_brand"] == (1, 1)
            with context.acting(None, None), pytest.raises(KeyError):
                _ = context.revisions()["catalog_brand"]
        assert context.revisions()["catalog_brand"] == (0, 0)
    assert not context.revisions()


def standings(shop: Shop) -> Iterator[Standing]:
    """The shop's owner's, by token and by key, each in a transaction of its own."""
    claims = tokens.decode(shop.token("owner"), "access")
    secret = api_keys.new_secret()
    with shop.entered():
        ApiKey.objects.create(name="till", prefix=secret.prefix, digest=secret.digest)
    person, session = (tokens.claimed_id(claims, name) for name in ("user_id", "sid"))
    for enter_somehow in (
        lambda: enter_standing(user_id=person, session_id=session, tenant_id=shop.tenant.id),
        lambda: enter_by_key(prefix=secret.prefix, digest=secret.digest, address=None),
    ):
        with context.request_scope("request"), transaction.atomic():
            standing = enter_somehow()
            assert standing is not None
            assert context.revisions() == standing.revisions
            yield standing
        assert not context.revisions()


def test_the_standing_brings_the_revisions(shop: Shop, neighbour: Shop) -> None:
    with enter(shop.tenant.id):
        new_brand()
    with enter(neighbour.tenant.id):
        Tag.objects.create(name="x")
    type(shop.users["staff"]).objects.filter(id=shop.users["staff"].id).update(name="Another")
    found = [dict(each.revisions) for each in standings(shop)]
    assert found == [{"catalog_brand": (1, 1), "accounts_user": (1, 0)}] * 2


def test_without_a_tenant_there_are_those_of_all(shop: Shop) -> None:
    staff = make_superuser()
    session = tokens.open_session(user=staff, affiliation=None)
    claims = tokens.decode(session.access, "access")
    with enter(shop.tenant.id):
        new_brand()
    type(staff).objects.filter(id=staff.id).update(name="Another")
    with context.request_scope("request"), transaction.atomic():
        standing = enter_standing(
            user_id=staff.id, session_id=tokens.claimed_id(claims, "sid"), tenant_id=None
        )
        assert standing is not None
        assert standing.revisions == {"accounts_user": (1, 0)}
        assert standing.revisions["catalog_brand"] == (0, 0)


def test_a_reader_of_a_revision_sees_what_it_stands_for(shop: Shop) -> None:
    """While four write: after revision R, at least R brands are there."""
    done = threading.Event()

    def write() -> None:
        for _ in range(40):
            with enter(shop.tenant.id):
                new_brand()

    def read() -> None:
        while not done.is_set():
            with enter(shop.tenant.id):
                number, live = context.revisions()["catalog_brand"]
                assert number == live <= Brand.objects.count()

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            at_once(write, write, write, write)
        finally:
            done.set()
        for each in readers:
            each.result(timeout=60)
    assert revisions(shop)["catalog_brand"] == (160, 160)


def test_a_person_s_new_name_is_everybody_s(shop: Shop, neighbour: Shop) -> None:
    person = shop.users["staff"]
    with raising(shop):
        type(person).objects.filter(id=person.id).update(is_active=True, name=person.name)
    for change in ({"name": "Another"}, {"username": "another"}):
        with raising(shop, "accounts_user"), raising(neighbour, "accounts_user"):
            type(person).objects.filter(id=person.id).update(**change)
    with (
        raising(shop, "accounts_user", "catalog_tag"),
        raising(neighbour, "accounts_user"),
        enter(shop.tenant.id),
    ):
        Tag.objects.create(name="x")
        type(person).objects.filter(id=person.id).update(name="A third")


def test_rows_that_are_there_already_are_counted(shop: Shop, neighbour: Shop) -> None:
    """As an installation is that updates: the rows are there before the constraint."""
    model: Any = Brand
    (revised,) = (each for each in model._meta.constraints if isinstance(each, Revised))
    with connections["owner"].schema_editor() as editor:
        editor.remove_constraint(model, revised)
    try:
        with raising(neighbour):
            for each in (shop, shop, shop):
                with enter(each.tenant.id):
                    new_brand()
            with enter(shop.tenant.id):
                Brand.objects.first().delete()
    finally:
        with connections["owner"].schema_editor() as editor:
            editor.add_constraint(model, revised)
    assert revisions(shop)["catalog_brand"] == (1, 2)
    assert_counted(shop)
    with raising(shop, "catalog_brand"), enter(shop.tenant.id):
        new_brand()

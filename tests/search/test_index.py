"""The database itself keeps the terms, whatever way a row is written by."""

from __future__ import annotations

import os
import uuid
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.utils import timezone

from noren.catalog.models import Brand, Category, Product
from noren_kit.api.registry import routes
from noren_kit.api.viewsets import ResourceViewSet
from noren_kit.db.rows import insert_rows
from noren_kit.search.finding import matching
from noren_kit.search.indexing import NAMED, SAID, WHOLE_CODE, index_of, resource_code
from noren_kit.search.models import Term
from noren_kit.softdelete.deleting import soft_delete
from noren_kit.testing.shops import Shop
from store import Store


def terms(identifier: Any) -> dict[str, int]:
    """The terms of a row of the entered tenant, with their weights."""
    return dict(Term.objects.filter(id=identifier).values_list("term", "weight"))


def found(text: str) -> set[str]:
    return set(matching(Brand.objects.all(), text).values_list("name", flat=True))


def test_a_product_has_the_terms_of_its_fields(shop: Shop) -> None:
    made = Store(shop).product(sku="T-LIGHT/22", name="Café heart", description="A heart. 日本")
    with shop.entered():
        assert terms(made["id"]) == {
            "t-light/22": WHOLE_CODE,
            **dict.fromkeys(["t", "light", "22", "cafe", "heart"], NAMED),
            **dict.fromkeys(["a", "日本", "本"], SAID),
        }
        resources = Term.objects.filter(id=made["id"]).values_list("resource", flat=True)
        assert set(resources) == {resource_code("catalog_product")}


def copied(shop: Shop, names: list[str]) -> None:
    """By COPY, which row-level security leaves to those whom it does not bind."""
    columns = "tenant_id, id, name, created_at, updated_at"
    with (
        psycopg.connect(os.environ["DATABASE_PLATFORM_URL"]) as platform,
        platform.cursor().copy(f"COPY catalog_brand ({columns}) FROM STDIN".encode()) as copy,
    ):
        for name in names:
            now = timezone.now()
            copy.write_row([shop.tenant.id, uuid.uuid4(), name, now, now])


def test_every_way_of_writing_is_seen(shop: Shop) -> None:
    with shop.entered():
        saved = Brand.objects.create(name="Saved one")
        bulk = Brand.objects.bulk_create([Brand(name="Bulk one"), Brand(name="Bulk two")])
        insert_rows(
            [Brand(name="Given one", created_at=saved.created_at, updated_at=saved.updated_at)]
        )
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO catalog_brand (tenant_id, id, name, created_at, updated_at)"
                " VALUES (%s, %s, 'Raw one', now(), now())",
                [shop.tenant.id, uuid.uuid4()],
            )
        copied(shop, [f"Copied {number}" for number in range(3)])
        assert found("one") == {"Saved one", "Bulk one", "Given one", "Raw one"}
        assert found("copied") == {"Copied 0", "Copied 1", "Copied 2"}

        saved.name = "Renamed"
        saved.save()
        Brand.objects.filter(name="Bulk one").update(name="Changed one")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE catalog_brand SET name = 'Unraw' WHERE name = 'Raw one'")
        assert found("one") == {"Changed one", "Given one"}
        assert found("renamed") == {"Renamed"}
        assert terms(saved.id) == {"renamed": NAMED}
        assert found("unraw") == {"Unraw"}

        soft_delete(saved)
        assert found("renamed") == set()
        assert terms(saved.id) == {}
        Brand.every.filter(id=saved.id).update(deleted_at=None)
        assert found("renamed") == {"Renamed"}
        Brand.objects.filter(id=bulk[1].id).delete()
        assert terms(bulk[1].id) == {}


def test_what_is_not_searched_writes_no_terms(shop: Shop) -> None:
    """The rows of the terms stay the very same: other columns change with every order."""
    made = Store(shop).product(name="heart", description="heart of glass")
    versions = "SELECT xmin, ctid, term FROM search_term WHERE id = %s ORDER BY term"
    with shop.entered(), connection.cursor() as cursor:
        cursor.execute(versions, [made["id"]])
        before = cursor.fetchall()
        Product.objects.filter(id=made["id"]).update(review_count=7)
        product = Product.objects.get(id=made["id"])
        product.price += 1
        product.save()
        cursor.execute(versions, [made["id"]])
        assert cursor.fetchall() == before
        product.name = "glass"
        product.save()
        cursor.execute(versions, [made["id"]])
        after = cursor.fetchall()
        assert {row[2]: row for row in after}["of"] == {row[2]: row for row in before}["of"]
        assert terms(made["id"])["heart"] == SAID
        assert terms(made["id"])["glass"] == NAMED


def test_terms_are_undone_with_their_row(shop: Shop) -> None:
    with shop.entered(), transaction.atomic():
        Brand.objects.create(name="Half")
        assert found("half") == {"Half"}
        transaction.set_rollback(True)
    with shop.entered():
        assert not Term.objects.filter(term="half").exists()


def test_terms_of_others_are_not_seen(shop: Shop, neighbour: Shop) -> None:
    with neighbour.entered():
        Brand.objects.create(name="Secret")
    with shop.entered():
        assert found("secret") == set()
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM search_term WHERE term = 'secret' OR true")
            assert cursor.fetchone() == (0,)
        row = Term(tenant_id=neighbour.tenant.id, resource=1, weight=0, term="x")
        with pytest.raises(Exception, match="row-level security"), transaction.atomic():
            row.save(force_insert=True)
    with neighbour.entered():
        assert found("secret") == {"Secret"}


def test_one_resource_does_not_find_another(shop: Shop) -> None:
    with shop.entered():
        Brand.objects.create(name="Same")
        Category.objects.create(name="Same", tax_rate=0)
        assert found("same") == {"Same"}
        assert Term.objects.filter(term="same").count() == 2


def test_rows_that_were_there_are_indexed_and_taken_out(shop: Shop, owner: Any) -> None:
    """As a migration does it, with tenants' rows that the owner does not see."""
    with shop.entered():
        there = Brand.objects.create(name="There already")
        gone = Brand.objects.create(name="Gone already")
        soft_delete(gone)
    index = index_of(Brand)
    assert index is not None

    def quote(name: str) -> str:
        return f'"{name}"'

    count = psycopg.sql.SQL("SELECT count(*) FROM search_term")
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as connected:
        for statement in index.undo_statements(quote("catalog_brand"), quote):
            connected.execute(statement.encode())
        connected.execute("ALTER TABLE search_term NO FORCE ROW LEVEL SECURITY")
        assert connected.execute(count).fetchone() == (0,)
        connected.execute("ALTER TABLE search_term FORCE ROW LEVEL SECURITY")
        for statement in index.statements(quote("catalog_brand"), quote, Brand):
            connected.execute(statement.encode())
        connected.commit()
    with shop.entered():
        assert terms(there.id) == {"there": NAMED, "already": NAMED}
        assert terms(gone.id) == {}
        Brand.objects.create(name="Later")
        assert found("later") == {"Later"}


def indexed_views() -> list[type[ResourceViewSet]]:
    return sorted(
        {
            route.view
            for route in routes()
            if issubclass(route.view, ResourceViewSet)
            and route.view.__module__.startswith("noren.")
            and route.view.search_fields
        },
        key=lambda view: view.__name__,
    )


def test_every_resource_of_the_shop_that_is_searched_has_an_index() -> None:
    views = indexed_views()
    assert {view.__name__ for view in views} >= {"ProductViewSet", "OrderViewSet", "TagViewSet"}
    for view in views:
        index = index_of(view.resource_model())
        if index is None:
            raise ImproperlyConfigured(f"{view.__name__} searches without an index.")
        assert set(index.fields) == set(view.search_fields), view


def test_no_two_indexes_share_their_number() -> None:
    tables = {view.resource_model()._meta.db_table for view in indexed_views()}
    assert len({resource_code(table) for table in tables}) == len(tables)

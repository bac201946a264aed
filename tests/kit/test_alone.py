"""The kit is of use without the shop: nothing of it is installed, imported or needed."""

from __future__ import annotations

import sys
import uuid

import pytest
from django.apps import apps
from django.conf import settings
from django.core.checks import run_checks
from django.db import DatabaseError, connection
from django.test import override_settings
from psycopg import errors
from toy.library.models import Author, Book

from noren_kit.core import context
from noren_kit.core.context import TenantNotEntered
from noren_kit.db.revisions import collection_of
from noren_kit.tenancy.checks import tenant_models
from noren_kit.tenancy.entering import enter
from noren_kit.tenancy.schema import schema_faults
from noren_kit.testing.answers import assert_error
from noren_kit.testing.filling import FillingError, fill_tenant
from noren_kit.testing.shops import PASSWORD, Client, make_shop


def test_nothing_of_the_shop_is_here() -> None:
    assert [name for name in sys.modules if name == "noren" or name.startswith("noren.")] == []
    assert {config.name for config in apps.get_app_configs() if "noren." in config.name} == set()


def test_its_tables_are_kept_apart() -> None:
    assert {Author, Book} <= set(tenant_models())
    assert run_checks() == []
    assert schema_faults(connection) == []


def test_its_rows_are_found_in_their_tenant_alone() -> None:
    here, there = make_shop(), make_shop()
    books = [fill_tenant(shop.tenant.id).rows[Book] for shop in (here, there)]
    for shop, own, foreign in ((here, *books), (there, *books[::-1])):
        with enter(shop.tenant.id):
            assert list(Book.objects.all()) == [own]
            assert not Book.every.filter(id=foreign.id).exists()
    with pytest.raises(TenantNotEntered):
        list(Book.objects.all())


def test_signing_in_needs_no_shop() -> None:
    shop = make_shop()
    body = {"username": shop.users["staff"].username, "password": PASSWORD}
    access = Client().post("/api/auth/token/", body).json()["access"]
    assert Client(access).post("/api/v1/authors/", {"name": "Natsume"}).status_code == 201


def test_another_tenants_author_is_unknown() -> None:
    here, there = make_shop(), make_shop()
    foreign = there.client().post("/api/v1/authors/", {"name": "Natsume"}).json()["id"]
    answers = []
    for author in (foreign, str(uuid.uuid4())):
        body = {"title": "Kokoro", "isbn": "1", "author": author}
        response = here.client().post("/api/v1/books/", body)
        answers.append(assert_error(response, 400, "validation_error"))
    assert answers[0] == answers[1]


def test_its_callers_are_limited() -> None:
    client = make_shop().client()
    stated = {**settings.NOREN_KIT, "LIMITS": {"credential": (1, 600)}}
    with override_settings(NOREN_KIT=stated):
        answers = [client.get("/api/v1/authors/") for _ in range(2)]
    assert answers[0].headers["RateLimit-Policy"] == '"credential";q=1;w=600'
    assert answers[0].status_code == 200
    assert_error(answers[1], 429, "throttled")


def test_the_document_describes_it() -> None:
    document = Client().get("/api/schema/")
    assert document.status_code == 200, document.text
    assert "/api/v1/books/{id}/" in document.text


def test_the_filler_names_what_it_cannot_fill(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new table is covered, or fails by name."""
    shop = make_shop()
    monkeypatch.setattr("noren_kit.testing.filling._VALUES", [])
    with pytest.raises(FillingError, match=r"\w+\.\w+: no value is known"):
        fill_tenant(shop.tenant.id)


def test_its_resources_have_revisions() -> None:
    shop = make_shop()
    assert collection_of(Book) == "library_book"
    for number in (1, 2):
        author = shop.client().post("/api/v1/authors/", {"name": f"Natsume {number}"}).json()["id"]
        body = {"title": "Kokoro", "isbn": str(number), "author": author}
        assert shop.client().post("/api/v1/books/", body).status_code == 201
        with enter(shop.tenant.id):
            assert context.revisions()["library_book"] == (number, number)


def test_without_a_tenant_the_database_raises() -> None:
    fill_tenant(make_shop().tenant.id)
    with connection.cursor() as cursor, pytest.raises(DatabaseError) as caught:
        cursor.execute("SELECT * FROM library_book")
    expected = (errors.UndefinedObject, errors.InvalidTextRepresentation)
    assert isinstance(caught.value.__cause__, expected)

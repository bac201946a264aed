"""Where a recipe ends: what it may not answer the framework does, and nothing stays behind."""

from __future__ import annotations

from decimal import Decimal

import orjson
import pytest
from cached_routes import MISS, ColdStore
from django.db import connection
from short_way import Process

from noren.catalog.models import Brand, Category, Product
from noren.catalog.services import create_product
from noren_kit.accounts.models import Membership
from noren_kit.db.prepared import Question, fetch_together
from noren_kit.testing.plugin import OwnerConnection
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Client, Shop

BRANDS, PRODUCTS = "/api/v1/brands/", "/api/v1/products/"


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    ColdStore(monkeypatch)
    return Process()


@pytest.fixture
def client(shop: Shop) -> Client:
    return shop.client("manager")


@pytest.fixture
def product(shop: Shop) -> Product:
    return add_product(shop, "S1")


def add_product(shop: Shop, sku: str) -> Product:
    with shop.entered():
        category, _made = Category.objects.get_or_create(
            name="Tea", defaults={"tax_rate": Decimal(8)}
        )
        values = {"name": f"Sencha {sku}", "sku": sku, "price": Decimal(100), "category": category}
        return create_product(values={**values, "status": "active", "stock_quantity": 20})


def add_brands(shop: Shop, *names: str) -> list[Brand]:
    with shop.entered():
        return [Brand.objects.create(name=name) for name in names]


def names_in(content: bytes) -> list[str]:
    return sorted(row["name"] for row in orjson.loads(content)["results"])


def test_it_asks_for_the_standing_and_then_for_all_at_once(
    process: Process, client: Client, shop: Shop
) -> None:
    process.get(client, BRANDS)
    add_brands(shop, "Ito")
    process.get(client, BRANDS)  # There is a recipe now that there is a row.
    add_brands(shop, "Oi")
    with recorded_statements() as statements:
        answer = process.get(client, BRANDS)
    assert (answer.long, answer.kept, names_in(answer.content)) == (False, MISS, ["Ito", "Oi"])
    assert [
        name
        for text in statements
        for name in ("noren_standing", "set_config", "catalog_brand")
        if name in text and not (name == "set_config" and "noren_standing" in text)
    ] == ["noren_standing", "set_config", "catalog_brand"]


def test_nothing_stays_on_the_connection(process: Process, client: Client, shop: Shop) -> None:
    add_brands(shop, "Ito")
    process.get(client, BRANDS)
    add_brands(shop, "Oi")
    assert not process.get(client, BRANDS).long
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting('app.tenant_id', true), '')")
        assert cursor.fetchone() == ("",)


def test_a_page_that_is_no_more(process: Process, client: Client, shop: Shop) -> None:
    url = f"{BRANDS}?page=2&page_size=1"
    first, _second = add_brands(shop, "Ito", "Oi")
    assert process.get(client, url).status == 200
    with shop.entered():
        Brand.objects.filter(pk=first.pk).touch(deleted_at="2026-01-01T00:00Z")
    gone = process.get(client, url)
    assert (gone.status, gone.long) == (404, True)
    add_brands(shop, "Ippo")
    back = process.get(client, url)
    assert (back.status, back.long) == (200, False)


def test_a_row_that_is_no_more(
    process: Process, client: Client, product: Product, shop: Shop
) -> None:
    url = f"{PRODUCTS}{product.pk}/"
    assert process.get(client, url).status == 200
    with shop.entered():
        Product.objects.filter(pk=product.pk).touch(deleted_at="2026-01-01T00:00Z")
    assert process.get(client, url).status == 404


def test_below_a_parent_that_is_no_more(
    process: Process, client: Client, product: Product, shop: Shop
) -> None:
    url = f"{PRODUCTS}{product.pk}/variants/"
    made = client.post(url, {"name": "Big", "sku": "S1-B", "price": "5"})
    assert made.status_code == 201, made.json()
    assert process.get(client, url).status == 200
    other = add_product(shop, "S2")
    empty = process.get(client, f"{PRODUCTS}{other.pk}/variants/")
    assert (empty.status, empty.long, names_in(empty.content)) == (200, False, [])
    with shop.entered():
        Product.objects.filter(pk=product.pk).touch(deleted_at="2026-01-01T00:00Z")
    assert process.get(client, url).status == 404


def test_a_cursor_stays_with_its_parent(
    process: Process, client: Client, product: Product, shop: Shop
) -> None:
    url = f"{PRODUCTS}{product.pk}/variants/?cursor=&page_size=1"
    for number in range(2):
        body = {"name": f"Big {number}", "sku": f"S1-{number}", "price": "5"}
        assert client.post(url.partition("?")[0], body).status_code == 201
    following = orjson.loads(process.get(client, url).content)["next"]
    following = following.removeprefix("http://testserver")
    assert process.get(client, following).status == 200
    other = add_product(shop, "S2")
    foreign = process.get(client, following.replace(str(product.pk), str(other.pk)))
    assert foreign.status == 400


def test_a_sale_reads_stock_alone(process: Process, client: Client, product: Product) -> None:
    for url in (PRODUCTS, f"{PRODUCTS}{product.pk}/"):
        process.get(client, url)
    body = {"delta": -15, "reason": "broken"}
    assert client.post(f"{PRODUCTS}{product.pk}/adjust_stock/", body).status_code == 200
    for url in (PRODUCTS, f"{PRODUCTS}{product.pk}/"):
        with recorded_statements() as statements:
            answer = process.get(client, url)
        assert not answer.long
        assert b'"stock_quantity":5' in answer.content
        assert any("unnest" in text for text in statements)
        named = [text for text in statements if 't0."name"' in text]
        assert named == []


def test_rights_and_limits_hold(process: Process, client: Client, shop: Shop) -> None:
    add_brands(shop, "Ito")
    left = [process.get(client, BRANDS).headers["RateLimit"]]
    for name in ("a", "b", "c"):
        add_brands(shop, name)
        left.append(process.get(client, BRANDS).headers["RateLimit"])
    counts = [int(each.split("r=")[1].split(";")[0]) for each in left]
    assert counts == list(range(counts[0], counts[0] - 4, -1))
    add_brands(shop, "d")
    with shop.entered():
        Membership.objects.filter(user=shop.users["manager"]).touch(deleted_at="2026-01-01T00:00Z")
    assert process.get(client, BRANDS).status == 401


def test_a_lost_connection(
    process: Process, client: Client, shop: Shop, owner: OwnerConnection
) -> None:
    add_brands(shop, "Ito")
    for number in range(8):
        process.get(client, BRANDS)
        add_brands(shop, f"brand {number}")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    owner.admin.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    assert process.get(client, BRANDS).status == 200


def test_statements_whose_columns_change_come_back(owner: OwnerConnection) -> None:
    """As after a migration under running processes: a connection has prepared what is outdated."""
    asked = [Question("SELECT 1"), Question("SELECT name FROM widened WHERE name = %s", ["x"])]
    owner.connection.execute("CREATE TABLE widened (name varchar(5))")
    try:
        owner.connection.execute("GRANT SELECT ON widened TO PUBLIC")
        for _ in range(7):
            fetch_together(asked)
        owner.connection.execute("ALTER TABLE widened ALTER COLUMN name TYPE varchar(6)")
        assert fetch_together(asked) == [[(1,)], []]
    finally:
        owner.connection.execute("DROP TABLE widened")


def test_languages_and_processes_keep_apart(process: Process, client: Client, shop: Shop) -> None:
    add_brands(shop, "Ito")
    another, answers = Process(), []
    for number in range(3):
        add_brands(shop, f"brand {number}")
        for each in (process, another):
            for language in ("en", "ja"):
                answers.append(each.get(client, BRANDS, HTTP_ACCEPT_LANGUAGE=language))
                assert len(names_in(answers[-1].content)) == number + 2
                assert answers[-1].headers["Content-Language"] == language
    assert len({each.headers["ETag"] for each in answers}) == 6

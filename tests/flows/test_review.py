"""Faults that a reader of the code found; each test is one of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from cached_routes import HIT, add_colleague
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import ForeignKey, Q
from psycopg.pq import TransactionStatus
from rest_framework import serializers
from rest_framework.request import Request

from noren.catalog.models import Brand, Category, Product, ProductTag
from noren.catalog.views import BrandViewSet, TagViewSet
from noren.orders.models import Order, OrderLine
from noren_kit.accounts.models import User
from noren_kit.accounts.permissions import TenantMember
from noren_kit.api import dependencies, splicing
from noren_kit.api.answer_keys import generation
from noren_kit.api.fields import ComputedField
from noren_kit.api.reading import Representation, read_by_framework, read_rows
from noren_kit.core import context
from noren_kit.db.prepared import fetch_all
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.answers import assert_error
from noren_kit.testing.plugin import OwnerConnection
from noren_kit.testing.shops import Shop
from store import API, Store


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


@pytest.mark.parametrize("path", ["products/{}/", "products/{}/variants/", "orders/{}/"])
def test_no_tag_is_known_of_what_is_not_there(store: Store, path: str) -> None:
    store.product()
    response = store.client.get(API + path.format(uuid.uuid4()), headers={"If-None-Match": "*"})
    assert response.status_code == 404


def test_parameters_are_judged_whatever_tags_are_known(store: Store) -> None:
    store.product()
    response = store.client.get(f"{API}products/?nothing=1", headers={"If-None-Match": "*"})
    assert response.status_code == 400


@pytest.mark.parametrize(
    "ordering",
    [
        "nothing",
        ",",
        "-",
        "category__nothing",
        "tags",
        "-pk",
        "category__name",
        "stock_item__on_hand",
        "x" * 3000,
    ],
)
def test_orderings(store: Store, ordering: str) -> None:
    store.product()
    for _ in range(2):
        response = store.client.get(f"{API}products/", {"ordering": ordering})
        assert response.status_code == 400, ordering


@pytest.mark.parametrize(
    "accept",
    [
        "application/jsonlines",
        "application/json-patch+json",
        "text/html",
        "application/problem+json",
        'text/html;x="*/*"',
        "application/json;q=0",
        "application/json; q=0.0",
        "*/*; q = 0",
        "application/json;version=2",
    ],
)
def test_what_is_accepted_is_the_same_out_of_the_cache(store: Store, accept: str) -> None:
    store.product()
    cold = store.client.get(f"{API}products/", HTTP_ACCEPT=accept)
    for _ in range(2):
        assert store.client.get(f"{API}products/").status_code == 200
    again = store.client.get(f"{API}products/", HTTP_ACCEPT=accept)
    assert cold.status_code == again.status_code


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("accept", [BROWSER, "application/json;q=0.9", "application/json"])
def test_who_weighs_kinds_gets_kept_answers_too(store: Store, accept: str) -> None:
    store.product()
    first, second = (store.client.get(f"{API}products/", HTTP_ACCEPT=accept) for _ in range(2))
    assert first.content == second.content
    assert second.headers["Cache-Status"] == HIT


def test_a_viewset_that_chooses_rows_by_itself_shares_nothing(
    shop: Shop, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get_queryset(self: Any) -> Any:
        return Brand.objects.filter(created_by=context.actor_id())

    monkeypatch.setattr(BrandViewSet, "get_queryset", get_queryset)
    mine = store.post("brands/", {"name": "Ito"})
    other = add_colleague(shop, "colleague", "owner")
    for path in ("brands/", f"brands/{mine['id']}/"):
        assert "Cache-Status" not in store.client.get(API + path).headers
    assert other.get(f"{API}brands/").json()["results"] == []
    assert other.get(f"{API}brands/{mine['id']}/").status_code == 404


class MakersAlone(TenantMember):
    def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:
        return bool(obj.created_by_id == context.actor_id())


def test_permissions_that_judge_an_object_are_asked_each_time(
    shop: Shop, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BrandViewSet, "permission_classes", [MakersAlone])
    url = f"{API}brands/{store.post('brands/', {'name': 'Ito'})['id']}/"
    assert store.client.get(url).status_code == 200
    assert add_colleague(shop, "colleague", "owner").get(url).status_code == 403


class Curious(TenantMember):
    def has_permission(self, request: Request, view: Any) -> bool:
        assert view.request is request
        return bool(request.auth["sid"]) and "fields" in request.query_params


def test_permissions_get_the_frameworks_request(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.post("brands/", {"name": "Ito"})
    monkeypatch.setattr(BrandViewSet, "permission_classes", [Curious])
    statuses = [store.client.get(f"{API}brands/?fields=id").status_code for _ in range(2)]
    assert statuses == [200, 200]
    assert store.client.get(f"{API}brands/").status_code == 403


def test_a_release_with_other_pages_shares_no_answers(settings_of_kit: Any) -> None:
    before = generation.__wrapped__()
    assert generation.__wrapped__() == before
    settings_of_kit("PAGE_SIZE", 7)
    assert generation.__wrapped__() != before


@pytest.fixture
def settings_of_kit(monkeypatch: pytest.MonkeyPatch) -> Any:
    return lambda name, value: monkeypatch.setitem(settings.NOREN_KIT, name, value)


@pytest.mark.parametrize("detail", [False, True])
def test_a_row_that_goes_while_its_stock_is_read(
    store: Store, monkeypatch: pytest.MonkeyPatch, detail: bool
) -> None:
    """Deleted for good after the revisions were read, and before its stock is."""
    made = store.product()
    url = f"{API}products/{made['id']}/" if detail else f"{API}products/"
    assert store.client.get(url).status_code == 200
    store.post(f"products/{made['id']}/adjust_stock/", {"delta": -1, "reason": "broken"}, 200)
    monkeypatch.setattr(splicing, "read_ids", lambda plan, ids: {})
    response = store.client.get(url)
    assert response.status_code == 200
    body = response.json()
    assert (body if detail else body["results"][0])["stock_quantity"] == 99


@pytest.mark.parametrize("within", [True, False])
def test_a_statement_whose_columns_change_comes_back(owner: OwnerConnection, within: bool) -> None:
    """A migration under running processes costs a connection one transaction, and no more."""

    def read() -> Any:
        with transaction.atomic() if within else nullcontext():
            return fetch_all("SELECT name FROM widened WHERE name = %s", ["x"])

    owner.connection.execute("CREATE TABLE widened (name varchar(5))")
    try:
        owner.connection.execute("GRANT SELECT ON widened TO PUBLIC")
        for _ in range(7):
            read()
        owner.connection.execute("ALTER TABLE widened ALTER COLUMN name TYPE varchar(6)")
        with pytest.raises(OperationalError) if within else nullcontext():
            read()
        assert read() == []
    finally:
        owner.connection.execute("DROP TABLE widened")


def test_nothing_stays_on_the_connection_after_a_hit(shop: Shop, store: Store) -> None:
    store.product()
    for _ in range(3):
        store.client.get(f"{API}products/")
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting('app.tenant_id', true), '')")
        assert cursor.fetchone() == ("",)
    assert connection.connection.info.transaction_status == TransactionStatus.IDLE


def test_settings_and_names_are_never_stale(shop: Shop, store: Store) -> None:
    made = store.product(price="100")
    url = f"products/{made['id']}/"
    store.get(url), store.get(url)
    assert store.get(url)["price_with_tax"] == "110"
    Tenant.objects.using("owner").filter(id=shop.tenant.id).update(prices_include_tax=True)
    assert store.get(url)["price_with_tax"] == "100"
    User.objects.filter(id=shop.users["owner"].id).update(name="Renamed")
    assert store.get(url)["created_by"]["name"] == "Renamed"


def test_what_fails_at_the_commit_leaves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deferred constraints are checked when the view has answered."""
    product = store.product()

    def perform_create(self: Any, serializer: Any) -> Any:
        tag = serializer.save()
        ProductTag.objects.create(product_id=product["id"], tag_id=uuid.uuid4())
        return tag

    monkeypatch.setattr(TagViewSet, "perform_create", perform_create)
    response = store.client.post(f"{API}tags/", {"name": "lost"})
    assert_error(response, 409, "conflict")
    assert store.get("tags/")["count"] == 0


@pytest.mark.parametrize("nothing", ["\u0301", "\u200d\u0301"])
def test_a_search_for_nothing_finds_what_none_finds(store: Store, nothing: str) -> None:
    store.customer()
    store.product()
    for path in ("customers/", "products/"):
        assert store.get(path, search=nothing)["count"] == 1


def _paths(model: Any, depth: int) -> Iterator[str]:
    for column in model._meta.concrete_fields:
        yield column.attname
        if depth and isinstance(column, ForeignKey) and column.related_model is not Tenant:
            yield from (f"{column.name}.{path}" for path in _paths(column.related_model, depth - 1))


def test_related_rows_of_very_many_columns_are_read_all_the_same(store: Store, shop: Shop) -> None:
    """PostgreSQL calls no function with more than 100 arguments."""
    made = store.order((store.product(), 1))
    fields = {
        f"f{at}": ComputedField(str, reads=[path], shown_as=serializers.CharField())
        for at, path in enumerate(_paths(OrderLine, 2))
    }
    meta = type("Meta", (), {"model": OrderLine, "fields": [*fields]})
    line = type("Line", (serializers.ModelSerializer,), {**fields, "Meta": meta})

    class Whole(serializers.ModelSerializer):
        lines = line(many=True, read_only=True)

        class Meta:
            model = Order
            fields = ["id", "lines"]

    assert len(fields) > 100
    with shop.entered():
        (row,) = read_rows(Order.objects.all(), Representation(Whole))
        (expected,) = read_by_framework(Order.objects.all(), Whole())
    assert row.shown["id"] == made["id"]
    assert row.shown["lines"] == expected.shown["lines"]


def test_related_rows_may_be_chosen_by_what_is_missing(store: Store, shop: Shop) -> None:
    brand = store.post("brands/", {"name": "Ito"})["id"]
    category = store.category()["id"]
    bare = store.product(category=category)
    store.product(category=category, brand=brand)

    class Unbranded(serializers.ModelSerializer):
        class Meta:
            model = Product
            fields = ["id"]
            shown = Q(brand=None)

    class Whole(serializers.ModelSerializer):
        products = Unbranded(many=True, read_only=True)

        class Meta:
            model = Category
            fields = ["products"]

    with shop.entered():
        (row,) = read_rows(Category.objects.all(), Representation(Whole))
        (expected,) = read_by_framework(Category.objects.all(), Whole())
    assert row.shown == expected.shown == {"products": [{"id": bare["id"]}]}


def test_links_lead_where_the_proxy_says(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        store.product()
    monkeypatch.setattr(settings, "USE_X_FORWARDED_HOST", True)
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["*"])
    for host in ("a.example", "b.example"):
        url = f"{API}products/?page_size=1"
        page = store.client.get(url, headers={"X-Forwarded-Host": host}).json()
        assert page["next"].startswith(f"http://{host}/")


class Stocked(TenantMember):
    """Asks the database itself."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return Brand.objects.filter(name="Ito").exists()


def test_permissions_may_ask_the_database(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    made = store.post("brands/", {"name": "Ito"})
    with monkeypatch.context() as patched:
        patched.setattr(BrandViewSet, "permission_classes", [Stocked])
        for _ in range(2):
            assert store.client.get(f"{API}brands/").status_code == 200
    store.patch(f"brands/{made['id']}/", {"name": "Kato"})
    monkeypatch.setattr(BrandViewSet, "permission_classes", [Stocked])
    assert store.client.get(f"{API}brands/").status_code == 403


def test_a_process_remembers_nothing_of_what_nobody_knows(store: Store) -> None:
    store.product()
    before = dependencies._of_list.cache_info().currsize
    for at in range(5):
        for query in (f"x{at}=1", f"ordering=price{'%20' * at}", f"page={at + 1}"):
            store.client.get(f"{API}products/?{query}")
    assert dependencies._of_list.cache_info().currsize - before <= 4

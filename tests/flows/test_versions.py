"""Versions rise with every real change of a row, whoever writes, and with nothing else."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import connection, models
from tests.flows.test_concurrency import all_at_once, callers
from tests.store import API, Store

from noren.catalog.models import Product, Tag
from noren.catalog.services import count_sales
from noren_kit.api.versions import (
    PreconditionFailed,
    PreconditionRequired,
    check_version,
    named_versions,
)
from noren_kit.core.errors import InvalidInput
from noren_kit.db.versions import Versioned
from noren_kit.tenancy.checks import tenant_models
from noren_kit.tenancy.models import Tenant, TenantModel
from noren_kit.testing.answers import assert_error
from noren_kit.testing.filling import fill_tenant
from noren_kit.testing.shops import Shop

WRITERS, ROUNDS = 32, 6
VERSIONED = [model for model in tenant_models() if issubclass(model, TenantModel)]


def version_in(response: Any) -> int:
    return int(response.headers["ETag"].strip('"').partition("-")[0])


def execute(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.mark.parametrize("model", VERSIONED, ids=lambda model: model._meta.label)
def test_every_way_of_writing_raises_it(model: Any, shop: Shop) -> None:
    """By the ORM, in bulk, by raw SQL; what is derived does not, nor can anybody set it."""
    row = fill_tenant(shop.tenant.id).rows[model]
    table = f'"{model._meta.db_table}"'
    (declared,) = (each for each in model._meta.constraints if isinstance(each, Versioned))
    with shop.entered():
        now = lambda: model.every.filter(pk=row.pk).values_list("version", flat=True).get()  # noqa: E731
        stored = model.every.get(pk=row.pk)
        assert now() == 1
        stored.deleted_at = "2026-01-01T00:00Z"
        stored.version = 77
        stored.save()
        assert now() == 2
        model.every.filter(pk=row.pk).update(deleted_at="2026-01-02T00:00Z", version=1)
        assert now() == 3
        execute(f"UPDATE {table} SET deleted_at = '2026-01-03', version = 0 WHERE id = %s", row.pk)
        assert now() == 4
        stored = model.every.get(pk=row.pk)
        stored.deleted_at = "2026-01-04T00:00Z"
        model.every.bulk_update([stored], ["deleted_at"])
        assert now() == 5
        for unreal in (
            "deleted_at = deleted_at",
            "version = 1",
            "version = version + 1",
            "updated_at = now()",
            "updated_by_id = NULL",
            *(f'"{column}" = {_other(model, column)}' for column in declared.derived),
        ):
            execute(f"UPDATE {table} SET {unreal} WHERE id = %s", row.pk)
            assert now() == 5, unreal


def _other(model: Any, column: str) -> str:
    field = model._meta.get_field(column)
    return "now()" if isinstance(field, models.DateTimeField) else f'"{column}" + 0'


def test_what_is_derived_is_no_change(shop: Shop) -> None:
    store = Store(shop)
    product = store.product()
    with shop.entered():
        row = Product.objects.get(id=product["id"])
        count_sales({row.id: 3})
        row.refresh_from_db()
        assert (row.total_sales, row.version) == (3, 1)


def test_a_tag_from_before_a_sale_still_matches(shop: Shop) -> None:
    store = Store(shop)
    product, customer = store.product(), store.customer()
    url = f"{API}products/{product['id']}/"
    before = store.client.get(url)
    line = {"product_id": product["id"], "quantity": 1}
    store.post("orders/", {"customer": customer["id"], "items": [line]})
    review = {"rating": 5, "title": "Good", "comment": "Yes."}
    store.post(f"products/{product['id']}/reviews/", review)
    after = store.client.get(url)
    assert after.json()["stock_quantity"] == 99
    assert after.headers["ETag"] != before.headers["ETag"]
    assert version_in(after) == version_in(before) == 1
    for tag in (before, after):
        kept = {"If-None-Match": tag.headers["ETag"]}
        status = store.client.get(url, headers=kept).status_code
        assert status == (304 if tag is after else 200)
    headers = {"If-Match": before.headers["ETag"]}
    changed = store.client.patch(url, {"name": "New"}, headers=headers)
    assert (changed.status_code, version_in(changed)) == (200, 2)
    stale = store.client.patch(url, {"name": "Newer"}, headers=headers)
    details = assert_error(stale, 412, "precondition_failed")
    assert details == {"version": 2}
    assert stale.headers["ETag"] == store.client.get(url).headers["ETag"]


def test_an_answer_out_of_memory_has_the_same_tag(shop: Shop) -> None:
    """Made, out of the store, and with its moving part put in."""
    store = Store(shop)
    product = store.product()
    url = f"{API}products/{product['id']}/"
    store.client.patch(url, {"name": "New"})
    made, kept = store.client.get(url), store.client.get(url)
    assert (made.headers["Cache-Status"], kept.headers["Cache-Status"]) == (
        "noren; fwd=miss",
        "noren; hit",
    )
    assert made.headers["ETag"] == kept.headers["ETag"]
    assert made.content == kept.content
    store.post(f"products/{product['id']}/adjust_stock/", {"delta": 1, "reason": "found"}, 200)
    spliced = store.client.get(url)
    assert (version_in(spliced), spliced.json()["stock_quantity"]) == (2, 101)
    assert store.client.get(url).headers["ETag"] == spliced.headers["ETag"]


def test_32_writers_of_one_product(four_processes: str, shop: Shop) -> None:
    """Of those who read the same version one succeeds; each success raises it by one."""
    url = f"{API}products/{Store(shop).product()['id']}/"
    client = shop.client()

    def work(caller: Any, number: int) -> list[tuple[int, str]]:
        seen = []
        for round_ in range(ROUNDS):
            tag = f'"{version_in(client_of(caller, url))}"'
            name = f"{number}-{round_}"
            status, _body = caller.send("PATCH", url, {"name": name}, **{"If-Match": tag})
            seen.append((status, name))
        return seen

    with callers(four_processes, shop, WRITERS) as made:
        seen = [each for one in all_at_once(work, made) for each in one]
    statuses = Counter(status for status, _name in seen)
    last = client.get(url)
    assert set(statuses) == {200, 412}, statuses
    assert version_in(last) == 1 + statuses[200]
    assert last.json()["name"] in {name for status, name in seen if status == 200}


def client_of(caller: Any, url: str) -> Any:
    """A GET over the caller's own connection, whole."""
    caller.connection.request("GET", url, None, caller.headers)
    response = caller.connection.getresponse()
    response.read()
    assert response.status == 200
    return response


def test_a_lost_update_without_versions(four_processes: str, shop: Shop) -> None:
    """All from one version, from one start: one wins."""
    url = f"{API}products/{Store(shop).product()['id']}/"
    with callers(four_processes, shop, WRITERS) as made:
        answers = all_at_once(
            lambda caller, number: caller.send(
                "PATCH", url, {"name": f"N{number}"}, **{"If-Match": '"1"'}
            ),
            made,
        )
    assert Counter(status for status, _body in answers) == {200: 1, 412: WRITERS - 1}
    [winner] = [body for status, body in answers if status == 200]
    last = shop.client().get(url)
    assert (last.json()["name"], version_in(last)) == (winner["name"], 2)


@pytest.mark.parametrize(
    ("stated", "named"),
    [
        ("*", None),
        (" * ", None),
        ('"7-0123456789abcdef0123456789abcdef"', {7}),
        ('"7"', {7}),
        ('"1-a", "2-b",W/"3-c" , "x"', {1, 2}),
        (',"1" ,, "2",', {1, 2}),
        ('""', set()),
        ('"99999999999"', set()),
        ('"1,2"', set()),
        ('"-1"', set()),
        ('"١"', set()),
    ],
)
def test_if_match_is_read(stated: str, named: set[int] | None) -> None:
    if not stated.isascii():
        stated = stated.encode().decode("latin-1")
    assert named_versions(stated) == named


@pytest.mark.parametrize("stated", ["", "1", '"1', '"1" "2"', "*,*", '"1",*', 'w/"1"', '"a b"'])
def test_what_is_no_if_match(stated: str) -> None:
    with pytest.raises(InvalidInput):
        named_versions(stated)


def test_many_tags_cost_little() -> None:
    for hostile in ('"1",' * 2_000, '"' * 8_000, "," * 8_000, '"1" ' * 2_000, " " * 8_000):
        try:
            named_versions(hostile)
        except InvalidInput:
            continue


def test_versions_of_rows_in_bulk(shop: Shop) -> None:
    with shop.entered():
        row = Tag.objects.create(name="green")
        check_version(row, 1)
        check_version(row, None)
        with pytest.raises(PreconditionFailed) as failed:
            check_version(row, 2)
        assert failed.value.details == {"version": 1}
    Tenant.objects.using("platform").filter(id=shop.tenant.id).update(require_if_match=True)
    with shop.entered(), pytest.raises(PreconditionRequired):
        check_version(row, None)


def test_versions_are_shown_to_who_names_them(shop: Shop) -> None:
    store = Store(shop)
    product = store.product()
    store.patch(f"products/{product['id']}/", {"name": "New"})
    [row] = store.get("products/", fields="id,version")["results"]
    assert row == {"id": product["id"], "version": 2}
    assert "version" not in store.get(f"products/{product['id']}/")
    refused = store.client.patch(f"{API}products/{product['id']}/", {"version": 1})
    assert "version" in assert_error(refused, 400, "validation_error")


def test_what_a_counted_quantity_is_set_from_must_be_said(shop: Shop) -> None:
    store = Store(shop)
    url = f"{API}products/{store.product()['id']}/adjust_stock/"
    body = {"set_to": 7, "reason": "count"}
    assert "expected_quantity" in assert_error(store.client.post(url, body), 400)
    stale = store.client.post(url, {**body, "expected_quantity": 99})
    assert stale.status_code == 409
    assert store.client.post(url, {**body, "expected_quantity": 100}).status_code == 200

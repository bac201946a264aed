"""`{id}/history/`, `audit/` and `?as_of=` over HTTP: whose changes, in which words, for whom."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from noren.catalog.models import Product
from noren_kit.accounts import api_keys
from noren_kit.accounts.models import ApiKey
from noren_kit.core import context
from noren_kit.tenancy.entering import enter
from noren_kit.testing.answers import assert_error
from noren_kit.testing.contract import ContractBase
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Client, Shop
from store import Store

AUDIT = "/api/v1/audit/"


class TestChange(ContractBase):
    """Rows come from what is done, so none is made here."""

    path = "audit"


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


def url(product: dict[str, Any], tail: str = "") -> str:
    return f"/api/v1/products/{product['id']}/{tail}"


def history(client: Client, address: str, **parameters: Any) -> list[dict[str, Any]]:
    response = client.get(address, parameters)
    assert response.status_code == 200, response.json()
    found: list[dict[str, Any]] = response.json()["results"]
    return found


def now() -> str:
    return dt.datetime.now(dt.UTC).isoformat().replace("+00:00", "Z")


def test_a_change_names_its_actor_credential_and_request(store: Store, shop: Shop) -> None:
    product = store.product(price="150.00")
    staff = shop.client("staff")
    changed = staff.patch(
        url(product), {"price": "160.00", "status": "active"}, headers={"X-Request-ID": "req.1"}
    )
    assert changed.status_code == 200, changed.json()
    latest, *_rest = history(shop.client("viewer"), url(product, "history/"))
    person = shop.users["staff"]
    assert latest["actor"] == {"id": str(person.id), "name": person.display_name}
    assert latest["request_id"] == "req.1"
    assert uuid.UUID(latest["credential_id"])
    assert latest["program"] is None
    assert latest["operation"] == "update"
    assert latest["at"].endswith("Z")
    assert latest["changes"]["price"] == {"old": product["price"], "new": changed.json()["price"]}
    assert set(latest["changes"]) <= {"price", "status", "is_active"}


def test_an_insert_has_all_that_is_shown_and_nothing_that_is_not(store: Store, shop: Shop) -> None:
    product = store.product()
    [made] = history(shop.client("viewer"), url(product, "history/"), operation="insert")
    members = {"name", "sku", "price", "category", "status"}
    assert {name: made["changes"][name] for name in members} == {
        name: {"old": None, "new": product[name]} for name in members
    }
    assert "stock_item" not in made["changes"]
    [whole] = history(shop.client("manager"), AUDIT, row_id=product["id"], operation="insert")
    assert whole["resource"] == "catalog.product"
    assert whole["db_role"] == "noren_app"
    assert "stock_item" in whole["changes"]


def test_by_a_key(store: Store, shop: Shop) -> None:
    product, secret = store.product(), api_keys.new_secret()
    with enter(shop.tenant.id, actor=_owner(shop)):
        key = ApiKey.objects.create(
            name="key",
            prefix=secret.prefix,
            digest=secret.digest,
            scopes=["catalog.change_product"],
        )
    client = Client(HTTP_AUTHORIZATION=f"Api-Key {secret.text}")
    assert client.patch(url(product), {"name": "By key"}).status_code == 200
    latest, *_rest = history(shop.client("viewer"), url(product, "history/"))
    assert latest["credential_id"] == str(key.id)
    assert latest["actor"]["id"] == str(shop.users["owner"].id)


def _owner(shop: Shop) -> context.Actor:
    user = shop.users["owner"]
    return context.Actor(user.id, user.display_name, user.email)


def test_without_a_person_the_program_is_named(store: Store, shop: Shop) -> None:
    product = store.product()
    with context.running("task catalog.example"), enter(shop.tenant.id):
        Product.objects.filter(id=product["id"]).update(name="By a task")
    latest, *_rest = history(shop.client("viewer"), url(product, "history/"))
    assert latest["actor"] is None
    assert latest["program"] == "task catalog.example"


def test_deleted_rows_for_those_who_may_delete(store: Store, shop: Shop) -> None:
    product = store.product()
    assert shop.client("manager").delete(url(product)).status_code == 204
    latest, *_rest = history(shop.client("manager"), url(product, "history/"))
    assert latest["operation"] == "delete"
    assert latest["changes"]["deleted_at"]["old"] is None
    assert_error(shop.client("viewer").get(url(product, "history/")), 404)
    assert_error(shop.client("staff").get(url(product), {"as_of": now()}), 404)
    gone = str(uuid.uuid4())
    assert_error(shop.client("manager").get(f"/api/v1/products/{gone}/history/"), 404)


def test_another_tenant_sees_nothing(store: Store, shop: Shop, neighbour: Shop) -> None:
    product, stranger = store.product(), neighbour.client("owner")
    for tail, parameters in (("history/", {}), ("", {"as_of": now()})):
        seen = []
        for identifier in (product["id"], str(uuid.uuid4())):
            with recorded_statements() as statements:
                response = stranger.get(f"/api/v1/products/{identifier}/{tail}", parameters)
            assert_error(response, 404, "not_found")
            seen.append(statements)
        assert seen[0] == seen[1]
    assert history(stranger, AUDIT, row_id=product["id"]) == []
    entry = history(shop.client("owner"), AUDIT)[0]
    assert shop.client("owner").get(f"{AUDIT}{entry['id']}/").status_code == 200
    assert_error(stranger.get(f"{AUDIT}{entry['id']}/"), 404)


def test_filters_of_the_audit(store: Store, shop: Shop) -> None:
    client, product = shop.client("manager"), store.product()
    start = now()
    shop.client("staff").patch(url(product), {"name": "A"}, headers={"X-Request-ID": "find-me"})
    middle = now()
    shop.client("manager").patch(url(product), {"name": "B"})
    found = history(client, AUDIT, request_id="find-me")
    assert [each["changes"]["name"]["new"] for each in found] == ["A"]
    between = history(
        client, AUDIT, occurred_after=start, occurred_before=middle, resource="catalog.product"
    )
    assert [each["id"] for each in between] == [each["id"] for each in found]
    by_staff = history(client, AUDIT, actor_id=str(shop.users["staff"].id), occurred_after=start)
    assert [each["id"] for each in by_staff] == [each["id"] for each in found]
    assert history(client, AUDIT, request_id="unknown") == []
    whole, cursor = history(client, AUDIT), ""
    walked: list[dict[str, Any]] = []
    while cursor is not None:
        page = client.get(AUDIT, {"cursor": cursor, "page_size": 3}).json()
        walked += page["results"]
        following = page["next"]
        cursor = None if following is None else _cursor_in(following)
    assert [each["id"] for each in walked][: len(whole)] == [each["id"] for each in whole]
    assert sorted((each["id"] for each in walked), reverse=True) == [each["id"] for each in walked]


def _cursor_in(link: str) -> str:
    return parse_qs(urlsplit(link).query)["cursor"][0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("request_id", "a b"),
        ("request_id", "x" * 65),
        ("actor_id", "me"),
        ("row_id", "1"),
        ("operation", "truncate"),
        ("resource", "accounts.user"),
        ("occurred_after", "yesterday"),
        ("ordering", "at"),
        ("cursor", "x"),
        ("colour", "red"),
    ],
)
def test_faulty_parameters(shop: Shop, name: str, value: str) -> None:
    details = assert_error(shop.client("manager").get(AUDIT, {name: value}), 400)
    assert name in details


def test_keys_are_the_owners_alone(shop: Shop) -> None:
    made = shop.client("owner").post(
        "/api/v1/api-keys/", {"name": "key", "scopes": ["catalog.view_product"]}
    )
    assert made.status_code == 201
    row = made.json()["id"]
    [entry] = history(shop.client("owner"), AUDIT, row_id=row)
    assert "digest" not in entry["changes"]
    assert made.json()["secret"].rpartition("_")[2] not in str(entry)
    assert history(shop.client("manager"), AUDIT, row_id=row) == []


def test_as_it_was(store: Store, shop: Shop) -> None:
    client = shop.client("manager")
    early = now()
    product = store.product(price="150.00", name="First")
    category = f"/api/v1/categories/{product['category']}/"
    first = now()
    assert client.patch(url(product), {"name": "Second", "price": "151.00"}).status_code == 200
    second = now()
    renamed = client.patch(category, {"name": "Renamed", "tax_rate": "9.00"})
    assert renamed.status_code == 200, renamed.json()
    assert client.patch(url(product), {"name": "Third"}).status_code == 200

    def at(moment: str) -> dict[str, Any]:
        response = client.get(url(product), {"as_of": moment})
        assert response.status_code == 200, response.json()
        found: dict[str, Any] = response.json()
        return found

    assert_error(client.get(url(product), {"as_of": early}), 404)
    then = at(first)
    unknown = {
        "stock_quantity",
        "availability_status",
        "tags",
        "review_count",
        "average_rating",
        "total_sales",
        "active_variants",
        "recent_reviews",
    }
    assert {name for name in then if then[name] is None and product[name] is not None} == unknown
    assert {n: v for n, v in then.items() if n not in unknown} == {
        n: v for n, v in product.items() if n not in unknown
    }
    assert list(then) == list(client.get(url(product)).json())
    assert at(second)["name"] == "Second"
    assert at(second)["category_name"] == product["category_name"]
    assert at(now())["category_name"] == "Renamed"
    assert client.get(url(product), {"as_of": first, "fields": "id,name"}).json() == {
        "id": product["id"],
        "name": "First",
    }
    client.delete(url(product))
    assert_error(client.get(url(product), {"as_of": now()}), 404)
    assert at(first)["name"] == "First"
    for faulty in ("then", "2026-13-01"):
        details = assert_error(client.get(url(product), {"as_of": faulty}), 400)
        assert "as_of" in details
    assert_error(client.get("/api/v1/products/", {"as_of": first}), 400)

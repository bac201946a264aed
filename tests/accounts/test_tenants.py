"""Tenants as the platform keeps them: opened whole or not at all, suspended at once."""

from __future__ import annotations

import uuid
from contextlib import nullcontext
from typing import Any

import pytest
from django.db import connections

from granting import LOG, SETTINGS, TENANTS, accept, entries, make_key, platform
from noren_kit.accounts.models import Membership, Role, User
from noren_kit.accounts.tenants import change_tenant, open_tenant, set_status
from noren_kit.audit.models import AccessEntry
from noren_kit.core.errors import Duplicate
from noren_kit.tenancy.entering import enter
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.answers import assert_error
from noren_kit.testing.contract import ListContract
from noren_kit.testing.races import race
from noren_kit.testing.shops import PASSWORD, Client, Shop

Kind = AccessEntry.Kind
PRODUCTS = "/api/v1/products/"
KAZE = {
    "slug": "kaze",
    "name": "Kaze",
    "currency": "USD",
    "standard_tax_rate": "8.25",
    "tax_rounding": "half_up",
    "prices_include_tax": True,
    "locale": "ja",
    "time_zone": "Asia/Tokyo",
    "requests_per_hour": 5_000,
}


class TestTenant(ListContract):
    """For the platform's people, who are outside of any tenant."""

    path = "tenants"
    create = {"slug": "kaze", "name": "Kaze"}

    @pytest.fixture
    def client(self) -> Client:
        return platform()

    def distinct(self, number: int) -> dict[str, Any]:
        return {"slug": f"kaze-{number}"}

    def test_row_and_detail_agree(self, client: Client, body: dict[str, Any]) -> None:
        """Without who made it: that stands in the tenant's log."""
        made = self.make(client, body)
        (row,) = self.rows(client)
        assert row == client.get(self.row_url(made)).json() == made

    def test_sparse_fields(self, client: Client, body: dict[str, Any]) -> None:
        made = self.make(client, body)
        for url in (self.url, self.row_url(made)):
            shown = client.get(url, {"fields": "id,slug"}).json()
            assert shown.get("results", [shown])[0] == {"id": made["id"], "slug": "kaze"}
            self.refused(client.get(url, {"omit": "tenant"}), "omit", "unknown_field")


@pytest.fixture
def client() -> Client:
    return platform()


def opened(client: Client, **values: Any) -> Any:
    response = client.post(TENANTS, {"slug": "kaze", "name": "Kaze", **values})
    assert response.status_code == 201, response.json()
    return response.json()


def log_of(client: Client, tenant: str, kind: Kind) -> list[Any]:
    response = platform(HTTP_X_TENANT_ID=tenant).get(f"{LOG}?kind={kind.value}")
    assert response.status_code == 200, response.json()
    return list(response.json()["results"])


# Who may


def test_tenants_are_the_platforms(shop: Shop) -> None:
    url = f"{TENANTS}{shop.tenant.id}/"
    owner, (by_key, _id) = shop.client(), make_key(shop, "owner", "tenancy.change_tenant")
    User.objects.filter(id=shop.users["manager"].id).update(is_staff=True)
    for stranger in (owner, by_key, shop.client("manager")):
        for verb, path, body in (
            ("get", TENANTS, None),
            ("post", TENANTS, KAZE),
            ("get", url, None),
            ("get", f"{TENANTS}{uuid.uuid4()}/", None),
            ("patch", url, {"name": "Mine", "requests_per_hour": None}),
            ("post", f"{url}suspend/", None),
            ("post", f"{url}resume/", None),
        ):
            assert_error(getattr(stranger, verb)(path, body), 403, "permission_denied")
    assert_error(Client().get(TENANTS), 401)
    assert Tenant.objects.count() == 1


def test_a_superusers_key_is_a_members(shop: Shop) -> None:
    by_key, _id = make_key(shop, "owner", "tenancy.change_tenant")
    User.objects.filter(id=shop.users["owner"].id).update(is_superuser=True)
    assert_error(by_key.get(TENANTS), 403, "permission_denied")


def test_a_superuser_in_their_own_tenant_is_a_member(shop: Shop) -> None:
    """What they do there as the platform's staff, they do by naming it, which is recorded."""
    User.objects.filter(id=shop.users["viewer"].id).update(is_superuser=True)
    client, named = shop.client("viewer"), {"X-Tenant-ID": str(shop.tenant.id)}
    tag, tags = {"name": "x"}, "/api/v1/tags/"
    assert_error(client.get(TENANTS), 403, "permission_denied")
    assert_error(client.post(tags, tag), 403, "permission_denied")
    assert client.post(tags, tag, headers=named).status_code == 201
    assert client.get(TENANTS, headers=named).status_code == 200
    assert len(entries(shop, Kind.PLATFORM_ENTERED)) == 2


# Opening


def test_a_tenant_is_opened_with_its_settings(client: Client) -> None:
    row = opened(client, **KAZE)
    assert {name: row[name] for name in KAZE} == KAZE
    assert row["status"] == "active"
    with enter(uuid.UUID(row["id"])):
        slugs = set(Role.objects.values_list("slug", flat=True))
    assert slugs == {"viewer", "staff", "manager", "owner"}
    [entry] = log_of(client, row["id"], Kind.TENANT_CREATED)
    assert entry["details"] == KAZE
    assert entry["actor"]["name"] == "platform"


def test_the_first_owner_is_invited(client: Client) -> None:
    person = User.objects.create_user("aoi", PASSWORD, email="aoi@example.com")
    row = opened(client, owner={"email": "AOI@example.com", "name": "Aoi"})
    tenant = Tenant.objects.get(id=row["id"])
    shop = Shop(tenant)
    with enter(tenant.id):
        membership = Membership.objects.get()
    assert membership.accepted_at is None
    assert membership.created_by is not None
    owner = accept(Shop(tenant, {"owner": person}), str(membership.id), person, "owner")
    assert owner.get(SETTINGS).json()["slug"] == "kaze"
    assert owner.get(f"{LOG}?kind=member_invited").json()["count"] == 1
    assert shop.tenant == tenant


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"slug": "Kaze"}, "slug"),
        ({"slug": "ka ze"}, "slug"),
        ({"slug": "ka_ze"}, "slug"),
        ({"slug": "-kaze"}, "slug"),
        ({"slug": "kaze-"}, "slug"),
        ({"slug": "ka--ze"}, "slug"),
        ({"slug": "風"}, "slug"),
        ({"slug": "x" * 64}, "slug"),
        ({"name": ""}, "name"),
        ({"currency": "YEN"}, "currency"),
        ({"currency": "jpy"}, "currency"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": "CLF"}, "currency"),
        ({"standard_tax_rate": "-0.01"}, "standard_tax_rate"),
        ({"standard_tax_rate": "100.01"}, "standard_tax_rate"),
        ({"standard_tax_rate": "8.255"}, "standard_tax_rate"),
        ({"standard_tax_rate": "NaN"}, "standard_tax_rate"),
        ({"tax_rounding": "up"}, "tax_rounding"),
        ({"prices_include_tax": "true"}, "prices_include_tax"),
        ({"locale": "fr"}, "locale"),
        ({"locale": "EN"}, "locale"),
        ({"time_zone": "Tokyo"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"time_zone": "+09:00"}, "time_zone"),
        ({"requests_per_hour": 0}, "requests_per_hour"),
        ({"requests_per_hour": 2**31}, "requests_per_hour"),
        ({"requests_per_hour": "5000"}, "requests_per_hour"),
        ({"owner": "a@example.com"}, "owner"),
        ({"owner": {"name": "A"}}, "owner"),
        ({"owner": {"email": "a@@b"}}, "owner"),
        ({"owner": {"email": "a@example.com", "roles": ["owner"]}}, "owner"),
        ({"status": "suspended"}, "status"),
        ({"id": str(uuid.uuid4())}, "id"),
    ],
)
def test_tenants_that_are_none(client: Client, change: dict[str, Any], named: str) -> None:
    details = assert_error(client.post(TENANTS, {**KAZE, **change}), 400, "validation_error")
    assert set(details) == {named}
    assert Tenant.objects.count() == 0


def test_a_slug_is_taken_once(client: Client, shop: Shop) -> None:
    body = {"slug": "hanabi", "name": "Another", "owner": {"email": "new@example.com"}}
    details = assert_error(client.post(TENANTS, body), 409, "duplicate")
    assert set(details) == {"slug"}
    assert not User.objects.filter(email_folded="new@example.com").exists()


def test_a_slug_that_many_want_at_once() -> None:
    def act() -> str:
        open_tenant(values={"slug": "kaze", "name": "Kaze"})
        return "opened"

    outcomes = race(4, nullcontext, act)
    assert outcomes.count("opened") == 1
    assert all(isinstance(each, Duplicate) for each in outcomes if each != "opened"), outcomes
    with enter(Tenant.objects.get().id):
        assert Role.objects.count() == 4


@pytest.mark.parametrize("table", ["accounts_role", "accounts_membership", "audit_accessentry"])
def test_what_fails_in_the_middle_leaves_nothing(client: Client, table: str) -> None:
    """Whichever table refuses: no tenant, no role, no person."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT refuse CHECK (false) NOT VALID")
    try:
        response = client.post(TENANTS, {**KAZE, "owner": {"email": "new@example.com"}})
    finally:
        with connections["owner"].cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT refuse")
    assert response.status_code >= 400
    assert Tenant.objects.count() == 0
    assert not User.objects.filter(email_folded="new@example.com").exists()
    opened(client, **KAZE, owner={"email": "new@example.com"})


# Settings


def test_settings_change_and_count_at_once(client: Client, shop: Shop) -> None:
    owner, url = shop.client(), f"{TENANTS}{shop.tenant.id}/"
    assert owner.get(SETTINGS).json()["name"] == "Hanabi"
    change = {"name": "Hanabi 2", "standard_tax_rate": "8", "requests_per_hour": 100}
    changed = client.patch(url, change)
    assert changed.status_code == 200
    assert changed.json()["standard_tax_rate"] == "8.00"
    assert changed.json()["updated_at"] > changed.json()["created_at"]
    assert owner.get(SETTINGS).json() == changed.json()
    assert client.patch(url, change).json() == changed.json()
    [entry] = log_of(client, str(shop.tenant.id), Kind.TENANT_CHANGED)
    assert entry["details"] == {
        "changes": {
            "name": ["Hanabi", "Hanabi 2"],
            "standard_tax_rate": ["10.00", "8.00"],
            "requests_per_hour": [None, 100],
        }
    }
    assert client.patch(url, {"requests_per_hour": None}).json()["requests_per_hour"] is None


@pytest.mark.parametrize("name", ["currency", "slug", "status", "id", "created_at", "owner"])
def test_what_stays_as_it_was_made(client: Client, shop: Shop, name: str) -> None:
    response = client.patch(f"{TENANTS}{shop.tenant.id}/", {name: "USD", "name": "X"})
    assert set(assert_error(response, 400, "validation_error")) == {name}
    assert Tenant.objects.get(id=shop.tenant.id).name == "Hanabi"


def test_changes_at_once_are_all_kept(shop: Shop) -> None:
    values = iter([{"name": "A"}, {"locale": "ja"}, {"time_zone": "Asia/Tokyo"}])

    def act() -> None:
        change_tenant(tenant_id=shop.tenant.id, values=next(values))

    assert race(3, nullcontext, act) == [None] * 3
    row = Tenant.objects.get(id=shop.tenant.id)
    assert (row.name, row.locale, row.time_zone) == ("A", "ja", "Asia/Tokyo")


# Suspending


def test_suspension_closes_a_tenant_at_once(client: Client, shop: Shop, neighbour: Shop) -> None:
    owner, (by_key, _id) = shop.client(), make_key(shop, "owner", "catalog.view_product")
    credentials = {"username": "hanabi-owner", "password": PASSWORD}
    refresh = Client().post("/api/auth/token/", credentials).json()["refresh"]
    assert owner.get(PRODUCTS).status_code == by_key.get(PRODUCTS).status_code == 200
    url = f"{TENANTS}{shop.tenant.id}/"
    for _time in range(2):
        suspended = client.post(f"{url}suspend/")
        assert suspended.status_code == 200
        assert suspended.json()["status"] == "suspended"
    for closed in (owner, by_key):
        assert_error(closed.get(PRODUCTS), 401)
    assert_error(Client().post("/api/auth/token/", credentials), 401)
    assert_error(Client().post("/api/auth/token/refresh/", {"refresh": refresh}), 401)
    assert neighbour.client().get(PRODUCTS).status_code == 200
    assert [
        each["slug"] for each in client.get(f"{TENANTS}?status=suspended").json()["results"]
    ] == ["hanabi"]
    for _time in range(2):
        assert client.post(f"{url}resume/").json()["status"] == "active"
    assert owner.get(PRODUCTS).status_code == by_key.get(PRODUCTS).status_code == 200
    for kind in (Kind.TENANT_SUSPENDED, Kind.TENANT_RESUMED):
        assert len(log_of(client, str(shop.tenant.id), kind)) == 1


def test_suspended_by_many_at_once_is_logged_once(client: Client, shop: Shop) -> None:
    def act() -> None:
        set_status(tenant_id=shop.tenant.id, status=Tenant.Status.SUSPENDED)

    assert race(4, nullcontext, act) == [None] * 4
    client.post(f"{TENANTS}{shop.tenant.id}/resume/")
    assert len(log_of(client, str(shop.tenant.id), Kind.TENANT_SUSPENDED)) == 1


def test_actions_take_no_body_and_unknown_tenants_are_unknown(client: Client, shop: Shop) -> None:
    url = f"{TENANTS}{shop.tenant.id}/suspend/"
    assert set(assert_error(client.post(url, {"reason": "x"}), 400)) == {"reason"}
    for action in ("suspend/", "resume/"):
        assert_error(client.post(f"{TENANTS}{uuid.uuid4()}/{action}"), 404, "not_found")
    assert_error(client.patch(f"{TENANTS}{uuid.uuid4()}/", {"name": "X"}), 404, "not_found")
    assert_error(client.delete(f"{TENANTS}{shop.tenant.id}/"), 405)


def test_cursors_go_through_all_tenants(client: Client) -> None:
    made = [opened(client, slug=f"kaze-{number}")["slug"] for number in range(5)]
    link, seen = f"{TENANTS}?cursor=&page_size=2&ordering=slug", []
    while link:
        page = client.get(link).json()
        seen += [row["slug"] for row in page["results"]]
        link = page["next"]
    assert seen == made
    assert [row["slug"] for row in client.get(f"{TENANTS}?search=kaze-3").json()["results"]] == [
        "kaze-3"
    ]

"""What requests cost: a fixed number of statements, whatever the page or the order holds.

The exact numbers stand in tests/statements.json, and in tests/rows_examined.json the rows that
the statements of a GET look at, for each size of its page; after a wanted change
`pytest tests/flows/test_statements.py --refresh-statements` writes both anew.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from noren.catalog.models import Brand, Category, Supplier
from noren.catalog.services import create_product
from noren_kit.accounts.rights import BUILT_IN_ROLES
from noren_kit.testing.budgets import OPTION, Budgets, RowBudgets
from noren_kit.testing.plans import (
    Select,
    plans_of,
    recorded_selects,
    rows_examined,
    scans_of,
    tables_of,
)
from noren_kit.testing.plugin import OwnerConnection
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Client, Shop

FILE = Path(__file__).parents[1] / "statements.json"
ROWS_FILE = FILE.with_name("rows_examined.json")
LIST, SEARCH, DETAIL, ORDER, CANCEL, INVITE = 5, 6, 6, 10, 10, 12
PAGES, LINES = (1, 20, 100), (1, 3, 100)


@pytest.fixture(scope="module")
def budgets(request: pytest.FixtureRequest) -> Iterator[Budgets]:
    counted = Budgets(FILE, refresh=request.config.getoption(OPTION))
    yield counted
    counted.write()


@dataclass
class Rows:
    """Rows that requests look at, once PostgreSQL knows its tables as it does after a while."""

    budgets: RowBudgets
    owner: OwnerConnection
    tenant_id: uuid.UUID

    def check(self, name: str, answers: Sequence[Cost]) -> None:
        """Hold the rows examined for each of `answers` against what is recorded."""
        self._settle([select for answer in answers for select in answer.selects])
        plans = [plans_of(each.selects, self.tenant_id, run=True) for each in answers]
        examined = [sum(map(rows_examined, each)) for each in plans]
        self.budgets.check(name, examined, [scan for each in plans[-1] for scan in scans_of(each)])

    def _settle(self, selects: Sequence[Select]) -> None:
        """Without what other tests have left in the files, and with statistics."""
        plans = plans_of(selects, self.tenant_id, run=False)
        tables = sorted({table for plan in plans for table in tables_of(plan)})
        if tables:
            names = sql.SQL(", ").join(map(sql.Identifier, tables))
            for command in ("FULL", "ANALYZE"):
                statement = sql.SQL(f"VACUUM ({command}) {{}}").format(names)
                self.owner.connection.execute(statement)


@pytest.fixture(scope="module")
def row_budgets(request: pytest.FixtureRequest) -> Iterator[RowBudgets]:
    counted = RowBudgets(ROWS_FILE, refresh=request.config.getoption(OPTION))
    yield counted
    counted.write()


@pytest.fixture
def rows(row_budgets: RowBudgets, owner: OwnerConnection, shop: Shop) -> Rows:
    return Rows(row_budgets, owner, shop.tenant.id)


@pytest.fixture
def products(shop: Shop) -> list[str]:
    """100 products on sale, none of whose relations is empty or shared by all."""
    made = []
    with shop.entered():
        root = Category.objects.create(name="Goods", tax_rate=Decimal(10))
        for number in range(100):
            group = number % 10
            values = {
                "name": f"Tea {number}",
                "sku": f"T{number}",
                "price": Decimal(100 + number),
                "status": "active",
                "category": Category.objects.get_or_create(
                    name=f"Teas {group}", parent=root, defaults={"tax_rate": Decimal(8)}
                )[0],
                "brand": Brand.objects.get_or_create(name=f"Brand {group}")[0],
                "supplier": Supplier.objects.get_or_create(code=f"s{group}", name="Acme")[0],
                "tags": [f"tag {group}", f"tag {number}"],
                "stock_quantity": 1_000,
            }
            made.append(str(create_product(values=values).id))
    return made


@pytest.fixture
def client(shop: Shop) -> Client:
    signed_in = shop.client("staff")
    signed_in.get("/api/v1/tags/")
    return signed_in


@dataclass(frozen=True)
class Cost:
    """What one request sent to PostgreSQL, and its answer."""

    statements: list[str]
    selects: list[Select]
    body: Any

    @property
    def count(self) -> int:
        return len(self.statements)


def counted(client: Client, verb: str, url: str, body: Any = None) -> Cost:
    with recorded_statements() as statements, recorded_selects() as selects:
        response = getattr(client, verb)(url, body)
    assert response.status_code in (200, 201), response.json()
    return Cost(statements, selects, response.json())


def customer(client: Client) -> str:
    made = client.post("/api/v1/customers/", {"name": "Sato", "email": "sato@example.com"})
    identifier: str = made.json()["id"]
    return identifier


def order(customer: str, products: list[str], lines: int) -> dict[str, Any]:
    return {
        "customer": customer,
        "discount": "10",
        "items": [{"product_id": each, "quantity": 2} for each in products[:lines]],
    }


def check(budgets: Budgets, name: str, costs: Sequence[Cost], at_most: int) -> None:
    budgets.check(name, [each.count for each in costs], at_most, costs[-1].statements)


def check_pages(budgets: Budgets, rows: Rows, client: Client, name: str, url: str) -> None:
    for kind, start in (("by number", "page=1"), ("by cursor", "cursor=")):
        costs = []
        for size in PAGES:
            costs.append(counted(client, "get", f"{url}?{start}&page_size={size}"))
            assert len(costs[-1].body["results"]) == size
        check(budgets, f"GET {name} {kind}", costs, LIST)
        rows.check(f"GET {name} {kind}", costs)


def test_product_lists(budgets: Budgets, rows: Rows, client: Client, products: list[str]) -> None:
    check_pages(budgets, rows, client, "products/", "/api/v1/products/")


def test_filtered_product_list(
    budgets: Budgets, rows: Rows, client: Client, products: list[str]
) -> None:
    """Every filter, a search and an ordering at once."""
    root = client.get("/api/v1/categories/?search=Goods").json()["results"][0]["id"]
    query = (
        f"category={root}&status=active&is_active=true&availability_status=in_stock"
        "&price_min=1&price_max=9999&search=tea&ordering=-price,name"
    )
    costs = []
    for size in PAGES:
        costs.append(counted(client, "get", f"/api/v1/products/?page_size={size}&{query}"))
        assert len(costs[-1].body["results"]) == size
    check(budgets, "GET products/ with every filter", costs, SEARCH)
    rows.check("GET products/ with every filter", costs)


def test_product_details(budgets: Budgets, rows: Rows, client: Client, products: list[str]) -> None:
    for action in ("", "check_stock/"):
        costs = [
            counted(client, "get", f"/api/v1/products/{each}/{action}") for each in products[:3]
        ]
        check(budgets, f"GET products/{{id}}/{action}", costs, DETAIL)
        rows.check(f"GET products/{{id}}/{action}", costs)


def test_plain_lists_and_details(
    budgets: Budgets, rows: Rows, client: Client, shop: Shop, products: list[str]
) -> None:
    owner = shop.client()
    for number in range(100):
        owner.post("/api/v1/customers/", {"name": f"Sato {number}"})
        owner.post("/api/v1/categories/", {"name": f"Category {number}"})
        owner.post("/api/v1/brands/", {"name": f"Maker {number}"})
        owner.post("/api/v1/suppliers/", {"code": f"code-{number}", "name": "Acme"})
    for name in ("customers", "categories", "brands", "suppliers", "tags"):
        check_pages(budgets, rows, client, f"{name}/", f"/api/v1/{name}/")
        row = client.get(f"/api/v1/{name}/?page_size=1").json()["results"][0]["id"]
        shown = counted(client, "get", f"/api/v1/{name}/{row}/")
        check(budgets, f"GET {name}/{{id}}/", [shown], DETAIL)
        rows.check(f"GET {name}/{{id}}/", [shown])


def test_orders(budgets: Budgets, rows: Rows, client: Client, products: list[str]) -> None:
    """Placing, showing and cancelling, by one, three and a hundred lines."""
    buyer = customer(client)
    placing, showing, cancelling = [], [], []
    for lines in LINES:
        placing.append(counted(client, "post", "/api/v1/orders/", order(buyer, products, lines)))
        placed = placing[-1].body
        assert len(placed["items"]) == lines
        url = f"/api/v1/orders/{placed['id']}/"
        showing.append(counted(client, "get", url))
        cancelling.append(counted(client, "post", f"{url}cancel/"))
        assert cancelling[-1].body["status"] == "cancelled"
    for name, found, most in (
        ("POST orders/", placing, ORDER),
        ("GET orders/{id}/", showing, DETAIL),
        ("POST orders/{id}/cancel/", cancelling, CANCEL),
    ):
        check(budgets, name, found, most)
    rows.check("GET orders/{id}/", showing)


def test_order_lists(budgets: Budgets, rows: Rows, client: Client, products: list[str]) -> None:
    buyer = customer(client)
    for number in range(100):
        client.post("/api/v1/orders/", order(buyer, products[number:] + products, 2))
    check_pages(budgets, rows, client, "orders/", "/api/v1/orders/")


def test_people_and_keys(budgets: Budgets, rows: Rows, shop: Shop) -> None:
    """Members with several roles each, roles, keys, and the log of it all."""
    owner = shop.client()
    owner.get("/api/v1/members/")
    for number in range(100):
        role = {"slug": f"role-{number}", "name": "Role", "permissions": ["catalog.view_brand"]}
        roles = ["staff", "viewer", f"role-{number}"]
        member = {"email": f"sato-{number}@example.com", "roles": roles}
        key = {"name": f"key {number}", "scopes": ["catalog.view_brand"]}
        for path, body in (("roles", role), ("members", member), ("api-keys", key)):
            assert owner.post(f"/api/v1/{path}/", body).status_code == 201
    for name in ("members", "roles", "api-keys", "audit/access"):
        check_pages(budgets, rows, owner, f"{name}/", f"/api/v1/{name}/")
        row = owner.get(f"/api/v1/{name}/?page_size=1").json()["results"][0]["id"]
        shown = counted(owner, "get", f"/api/v1/{name}/{row}/")
        check(budgets, f"GET {name}/{{id}}/", [shown], DETAIL)
        rows.check(f"GET {name}/{{id}}/", [shown])


def test_inviting(budgets: Budgets, shop: Shop) -> None:
    """By one role, three and all the built-in ones."""
    owner = shop.client()
    owner.get("/api/v1/members/")
    costs = []
    for number, roles in enumerate(
        (["staff"], ["viewer", "staff", "manager"], list(BUILT_IN_ROLES))
    ):
        body = {"email": f"sato-{number}@example.com", "roles": roles}
        costs.append(counted(owner, "post", "/api/v1/members/", body))
    check(budgets, "POST members/", costs, INVITE)


def test_movements_of_stock(
    budgets: Budgets, rows: Rows, client: Client, products: list[str]
) -> None:
    url = f"/api/v1/products/{products[0]}/"
    for _number in range(99):
        client.post(f"{url}adjust_stock/", {"delta": 1, "reason": "found"})
    check_pages(budgets, rows, client, "products/{id}/stock_movements/", f"{url}stock_movements/")


def test_stock_that_runs_low(budgets: Budgets, client: Client, products: list[str]) -> None:
    """The notices of all lines together cost one statement more, however many they are."""
    buyer = customer(client)
    costs = []
    for lines in LINES:
        for each in products[:lines]:
            held = client.get(f"/api/v1/products/{each}/check_stock/").json()["quantity"]
            client.post(
                f"/api/v1/products/{each}/adjust_stock/",
                {"set_to": 11, "expected_quantity": held, "reason": "count"},
            )
        body = order(buyer, products, lines)
        costs.append(counted(client, "post", "/api/v1/orders/", body))
    check(budgets, "POST orders/ where all runs low", costs, ORDER)

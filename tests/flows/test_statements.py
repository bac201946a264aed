"""What requests cost: a fixed number of statements, whatever the page or the order holds.

The exact numbers stand in tests/statements.json; after a wanted change
`pytest tests/flows/test_statements.py --refresh-statements` writes them anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from noren.catalog.models import Brand, Category, Supplier
from noren.catalog.services import create_product
from noren_kit.accounts.rights import BUILT_IN_ROLES
from noren_kit.testing.budgets import OPTION, Budgets
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Client, Shop

FILE = Path(__file__).parents[1] / "statements.json"
LIST, DETAIL, ORDER, CANCEL, INVITE = 5, 6, 10, 10, 12
PAGES, LINES = (1, 20, 100), (1, 3, 100)


@pytest.fixture(scope="module")
def budgets(request: pytest.FixtureRequest) -> Iterator[Budgets]:
    counted = Budgets(FILE, refresh=request.config.getoption(OPTION))
    yield counted
    counted.write()


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


def counted(client: Client, verb: str, url: str, body: Any = None) -> tuple[int, list[str], Any]:
    with recorded_statements() as statements:
        response = getattr(client, verb)(url, body)
    assert response.status_code in (200, 201), response.json()
    return len(statements), statements, response.json()


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


def check_pages(budgets: Budgets, client: Client, name: str, url: str) -> None:
    for kind, start in (("by number", "page=1"), ("by cursor", "cursor=")):
        counts: list[int] = []
        for size in PAGES:
            count, statements, body = counted(client, "get", f"{url}?{start}&page_size={size}")
            assert len(body["results"]) == size
            counts.append(count)
        budgets.check(f"GET {name} {kind}", counts, LIST, statements)


def test_product_lists(budgets: Budgets, client: Client, products: list[str]) -> None:
    check_pages(budgets, client, "products/", "/api/v1/products/")


def test_filtered_product_list(budgets: Budgets, client: Client, products: list[str]) -> None:
    """Every filter, a search and an ordering at once."""
    root = client.get("/api/v1/categories/?search=Goods").json()["results"][0]["id"]
    query = (
        f"category={root}&status=active&is_active=true&availability_status=in_stock"
        "&price_min=1&price_max=9999&search=tea&ordering=-price,name"
    )
    counts = []
    for size in PAGES:
        url = f"/api/v1/products/?page_size={size}&{query}"
        count, statements, body = counted(client, "get", url)
        assert len(body["results"]) == size
        counts.append(count)
    budgets.check("GET products/ with every filter", counts, LIST, statements)


def test_product_details(budgets: Budgets, client: Client, products: list[str]) -> None:
    for action in ("", "check_stock/"):
        counted_all = [
            counted(client, "get", f"/api/v1/products/{each}/{action}") for each in products[:3]
        ]
        counts = [count for count, _statements, _body in counted_all]
        budgets.check(f"GET products/{{id}}/{action}", counts, DETAIL, counted_all[0][1])


def test_plain_lists_and_details(
    budgets: Budgets, client: Client, shop: Shop, products: list[str]
) -> None:
    owner = shop.client()
    for number in range(100):
        owner.post("/api/v1/customers/", {"name": f"Sato {number}"})
        owner.post("/api/v1/categories/", {"name": f"Category {number}"})
        owner.post("/api/v1/brands/", {"name": f"Maker {number}"})
        owner.post("/api/v1/suppliers/", {"code": f"code-{number}", "name": "Acme"})
    for name in ("customers", "categories", "brands", "suppliers", "tags"):
        check_pages(budgets, client, f"{name}/", f"/api/v1/{name}/")
        row = client.get(f"/api/v1/{name}/?page_size=1").json()["results"][0]["id"]
        count, statements, _body = counted(client, "get", f"/api/v1/{name}/{row}/")
        budgets.check(f"GET {name}/{{id}}/", [count], DETAIL, statements)


def test_orders(budgets: Budgets, client: Client, products: list[str]) -> None:
    """Placing, showing and cancelling, by one, three and a hundred lines."""
    buyer = customer(client)
    placing, showing, cancelling = [], [], []
    for lines in LINES:
        placing.append(counted(client, "post", "/api/v1/orders/", order(buyer, products, lines)))
        placed = placing[-1][2]
        assert len(placed["items"]) == lines
        url = f"/api/v1/orders/{placed['id']}/"
        showing.append(counted(client, "get", url))
        cancelling.append(counted(client, "post", f"{url}cancel/"))
        assert cancelling[-1][2]["status"] == "cancelled"
    for name, found, most in (
        ("POST orders/", placing, ORDER),
        ("GET orders/{id}/", showing, DETAIL),
        ("POST orders/{id}/cancel/", cancelling, CANCEL),
    ):
        budgets.check(name, [count for count, _sql, _body in found], most, found[0][1])


def test_order_lists(budgets: Budgets, client: Client, products: list[str]) -> None:
    buyer = customer(client)
    for number in range(100):
        client.post("/api/v1/orders/", order(buyer, products[number:] + products, 2))
    check_pages(budgets, client, "orders/", "/api/v1/orders/")


def test_people_and_keys(budgets: Budgets, shop: Shop) -> None:
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
        check_pages(budgets, owner, f"{name}/", f"/api/v1/{name}/")
        row = owner.get(f"/api/v1/{name}/?page_size=1").json()["results"][0]["id"]
        count, statements, _body = counted(owner, "get", f"/api/v1/{name}/{row}/")
        budgets.check(f"GET {name}/{{id}}/", [count], DETAIL, statements)


def test_inviting(budgets: Budgets, shop: Shop) -> None:
    """By one role, three and all the built-in ones."""
    owner = shop.client()
    owner.get("/api/v1/members/")
    counts = []
    for number, roles in enumerate(
        (["staff"], ["viewer", "staff", "manager"], list(BUILT_IN_ROLES))
    ):
        body = {"email": f"sato-{number}@example.com", "roles": roles}
        count, statements, _body = counted(owner, "post", "/api/v1/members/", body)
        counts.append(count)
    budgets.check("POST members/", counts, INVITE, statements)


def test_movements_of_stock(budgets: Budgets, client: Client, products: list[str]) -> None:
    url = f"/api/v1/products/{products[0]}/"
    for _number in range(99):
        client.post(f"{url}adjust_stock/", {"delta": 1, "reason": "found"})
    check_pages(budgets, client, "products/{id}/stock_movements/", f"{url}stock_movements/")


def test_stock_that_runs_low(budgets: Budgets, client: Client, products: list[str]) -> None:
    """The notices of all lines together cost one statement more, however many they are."""
    buyer = customer(client)
    counts = []
    for lines in LINES:
        for each in products[:lines]:
            held = client.get(f"/api/v1/products/{each}/check_stock/").json()["quantity"]
            client.post(
                f"/api/v1/products/{each}/adjust_stock/",
                {"set_to": 11, "expected_quantity": held, "reason": "count"},
            )
        body = order(buyer, products, lines)
        count, statements, _body = counted(client, "post", "/api/v1/orders/", body)
        counts.append(count)
    budgets.check("POST orders/ where all runs low", counts, ORDER, statements)

"""The real shop: 541,909 invoice lines of a year, in one test because it takes its time.

How fast it is and how much memory it takes is measured by `make bench-import`.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from noren.catalog.models import Product
from noren.imports.online_retail.reconciling import Share
from noren.imports.online_retail.running import import_file
from noren.inventory.queries import find_differences
from noren.orders.queries import find_unexplained_lines
from noren.orders.queries.verifying import (
    find_overreturned_lines,
    find_wrong_payments,
    find_wrong_returns,
    find_wrong_totals,
)
from noren_kit.accounts.models import User
from noren_kit.accounts.provisioning import add_member
from noren_kit.tenancy.models import Tenant
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Shop

FILE = Path(__file__).parents[3] / "shared/data/online-retail-uci/online_retail.csv.zst"
LINES = 541_909

pytestmark = pytest.mark.skipif(
    not FILE.exists(), reason=f"The real data is not on this machine: {FILE} is missing."
)


def assert_sums(result) -> None:
    shares = {share.name: share for share in result.reconciliation.shares}
    amount = Decimal("9747747.934")
    assert result.reconciliation.file == Share("the file", 25_900, LINES, 5_176_450, amount)
    assert result.reconciliation.holds
    returns, credits = shares["returns"], shares["credits"]
    assert returns.invoices + credits.invoices == 3_836
    assert returns.lines == 7_133
    assert (returns.lines + credits.lines, returns.units + credits.units) == (9_288, -277_574)
    assert returns.amount + credits.amount == Decimal("-896812.49")
    assert (shares["stock losses"].invoices, shares["stock losses"].lines) == (1_336, 1_336)
    assert shares["orders"].invoices == 25_900 - 3_836 - 1_336 - 3
    reasons = {code for code in result.issues if code.startswith("credit_")}
    assert sum(result.issues[code] for code in reasons) == credits.lines
    others = {code: count for code, count in result.issues.items() if code not in reasons}
    assert others == {"bad_debt": 3, "price_precision": 4}


def assert_answers(shop: Shop) -> None:
    """Lists and details of the imported shop, with as many statements whatever they hold."""
    client = shop.client()

    def statements(path: str, **parameters) -> int:
        with recorded_statements() as seen:
            answer = client.get(f"/api/v1/{path}", parameters)
        assert answer.status_code == 200, answer.content[:500]
        return len(seen)

    found = client.get("/api/v1/products/", {"search": "heart", "page_size": 100}).json()
    assert found["count"] > 200
    assert statements("products/", search="heart") <= 5
    for resource_name in ("products", "orders", "customers", "categories"):
        path = f"{resource_name}/"
        counts = {statements(path, page_size=size) for size in (1, 10, 100)}
        assert len(counts) == 1, (resource_name, counts)
        assert max(counts) <= 5
        rows = client.get(f"/api/v1/{path}", {"page_size": 20}).json()["results"]
        details = {statements(f"{path}{each['id']}/") for each in rows}
        assert len(details) == 1, (resource_name, details)
        assert max(details) <= 6


def test_the_real_shop():
    assert_sums(import_file(FILE, "Online Retail"))

    tenant = Tenant.objects.get(slug="online-retail")
    owner = User.objects.create_user("uci-owner", "x" * 12, email="o@uci.example", name="Owner")
    shop = Shop(tenant, {"owner": owner})
    with shop.entered():
        add_member(user=owner, roles=["owner"])
        assert not list(find_differences())
        assert not list(find_unexplained_lines())
        for check in (find_wrong_totals, find_wrong_payments, find_wrong_returns):
            assert not list(check())
        assert not list(find_overreturned_lines())
        assert Product.objects.count() == 4_070 - 1
    assert_answers(shop)
    assert_sums(import_file(FILE, "Online Retail"))

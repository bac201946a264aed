"""Small files in the form of the real one, and what the database holds of them afterwards."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import zstandard

from noren.imports.online_retail.lines import COLUMNS
from noren.imports.online_retail.running import Result, import_file
from noren.inventory.models import StockMovement
from noren.orders.models import Order
from noren_kit.jobs.models import JobIssue
from noren_kit.tenancy.entering import enter
from noren_kit.tenancy.models import Tenant

TENANT = "uci"


def row(invoice: str, code: str, quantity: Any, price: Any = "1.50", **others: str) -> list[str]:
    """A line of the file; `others` are the columns `name`, `time`, `customer`, `country`."""
    return [
        invoice,
        code,
        others.get("name", f"THING {code}"),
        str(quantity),
        others.get("time", "2010-12-01 08:26:00"),
        str(price),
        others.get("customer", "17850"),
        others.get("country", "United Kingdom"),
    ]


def text_of(rows: Iterable[Sequence[str]], header: Sequence[str] = COLUMNS) -> str:
    output = io.StringIO()
    csv.writer(output, lineterminator="\n").writerows([header, *rows])
    return output.getvalue()


def write_file(folder: Path, rows: Iterable[Sequence[str]], name: str = "retail.csv") -> Path:
    """The rows as a file, packed if its name ends with .zst."""
    content = text_of(rows).encode()
    path = folder / name
    path.write_bytes(zstandard.compress(content) if name.endswith(".zst") else content)
    return path


def bring_in(folder: Path, *rows: Sequence[str], **options: Any) -> Result:
    """Import these rows into the tenant `uci`, and see that every line is accounted for."""
    result = import_file(write_file(folder, rows), TENANT, **options)
    assert result.reconciliation.holds, "\n".join(result.reconciliation.rows())
    return result


def entered() -> Any:
    return enter(Tenant.objects.get(slug=TENANT).id)


def orders() -> dict[str, Order]:
    """The tenant's orders by the file's numbers."""
    with entered():
        found = Order.objects.prefetch_related("lines", "taxes", "customer")
        return {order.external_number: order for order in found}


def movements(sku: str) -> list[tuple[str, int, str]]:
    """The ledger of a code's stock: kind, units, reason, oldest first."""
    from noren.catalog.models import Product

    with entered():
        item = Product.objects.get(sku=sku).stock_item_id
        found = StockMovement.objects.filter(stock_item_id=item).order_by("id")
        return list(found.values_list("kind", "quantity", "reason"))


def issues() -> list[tuple[int, str]]:
    """The report: line and code, in the order of the file."""
    with entered():
        return list(JobIssue.objects.order_by("line").values_list("line", "code"))

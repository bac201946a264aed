"""Products by the thousand, from another system: made where missing, left alone where known."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from noren.catalog.models import Category, Product
from noren.catalog.queries import find_stocked
from noren.inventory.services import (
    Kind,
    Opening,
    PastMovement,
    open_imported_stock,
    record_movements,
)
from noren_kit.core.ids import uuid7
from noren_kit.db.locks import lock_in_tenant

REASON = "opening stock of an import"


@dataclass(frozen=True, slots=True)
class ImportedProduct:
    """A product of another system; `opening` units must be there before its first movement."""

    sku: str
    name: str
    price: Decimal
    status: str
    category: str
    opening: int


def _find_or_make_categories(names: Collection[str]) -> Mapping[str, uuid.UUID]:
    """Top-level categories by name, made at 0 % where they are missing."""
    lock_in_tenant("catalog.category.tree")
    roots = Category.objects.filter(parent=None, name__in=list(names))
    found: dict[str, uuid.UUID] = dict(roots.values_list("name", "id"))
    missing = [Category(name=name, tax_rate=Decimal(0)) for name in names if name not in found]
    Category.objects.bulk_create(missing)
    return found | {category.name: category.id for category in missing}


def import_products(products: Sequence[ImportedProduct], *, opened_at: dt.datetime) -> None:
    """Make the products that the tenant lacks, and see to it that all have their opening stock.

    A product with the same sku stays as it is; where it holds less than the opening asks for,
    the difference is received. Repeating the call changes nothing. Publishes nothing.
    """
    known = find_stocked([product.sku for product in products])
    new = [product for product in products if product.sku not in known]
    if new:
        _make(new, opened_at)
    short = [
        PastMovement(
            str(known[product.sku].stock_item_id),
            Kind.RECEIVED,
            product.opening - known[product.sku].available,
            opened_at,
            reason=REASON,
        )
        for product in products
        if product.sku in known and product.opening > known[product.sku].available
    ]
    record_movements(short, cause_type="opening")


def _make(new: Sequence[ImportedProduct], opened_at: dt.datetime) -> None:
    categories = _find_or_make_categories(sorted({product.category for product in new}))
    rows = [
        Product(
            sku=product.sku,
            name=product.name,
            price=product.price,
            status=product.status,
            category_id=categories[product.category],
            stock_item_id=uuid7(),
        )
        for product in new
    ]
    open_imported_stock(
        [
            Opening(str(row.stock_item_id), product.opening)
            for row, product in zip(rows, new, strict=True)
        ],
        kind=Kind.RECEIVED,
        at=opened_at,
        reason=REASON,
    )
    Product.objects.bulk_create(rows)

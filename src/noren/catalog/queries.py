"""Reads of the catalogue."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from noren.catalog.models import Category, Product
from noren.inventory.queries import with_availability
from noren_kit.core import context

_SUBTREE = """
WITH RECURSIVE subtree AS (
    SELECT id FROM catalog_category WHERE tenant_id = %s AND id = %s
    UNION
    SELECT c.id FROM catalog_category c JOIN subtree s ON c.parent_id = s.id
     WHERE c.tenant_id = %s
) SELECT id FROM subtree
"""


def in_category(queryset: QuerySet[Any], category_id: uuid.UUID) -> QuerySet[Any]:
    """Products of a category or of any category below it."""
    tenant = context.tenant_id()
    subtree = RawSQL(_SUBTREE, [tenant, category_id, tenant])  # noqa: S611  constant text
    return queryset.filter(category_id__in=subtree)


def is_below(category_id: uuid.UUID, ancestor_id: uuid.UUID) -> bool:
    """Whether a category is `ancestor_id` or stands below it."""
    tenant = context.tenant_id()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT %s IN ({_SUBTREE})",
            [category_id, tenant, ancestor_id, tenant],
        )
        row = cursor.fetchone()
    return bool(row and row[0])


def with_stock(queryset: QuerySet[Any]) -> QuerySet[Any]:
    """Products annotated with `availability_status`, for filters."""
    return with_availability(queryset, "stock_item")


def list_products() -> QuerySet[Product]:
    products: QuerySet[Product] = Product.objects.all()
    return products


def find_product(product_id: uuid.UUID) -> Product | None:
    """A live product, or None."""
    product: Product | None = Product.objects.filter(id=product_id).first()
    return product


def find_categories(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Category]:
    found: dict[uuid.UUID, Category] = Category.objects.in_bulk(list(ids))
    return found


@dataclass(frozen=True, slots=True)
class SaleableProduct:
    """What an order copies from a product at the moment of sale."""

    id: uuid.UUID
    sku: str
    name: str
    price: Decimal
    tax_rate: Decimal
    stock_item_id: uuid.UUID
    is_active: bool


def find_saleable(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, SaleableProduct]:
    """The tenant's live products among `ids`, inactive ones too; one statement."""
    rows = Product.objects.filter(id__in=list(ids)).values_list(
        "id", "sku", "name", "price", "category__tax_rate", "stock_item_id", "status"
    )
    return {
        product: SaleableProduct(
            product, sku, name, price, rate, item, is_active=status == Product.Status.ACTIVE
        )
        for product, sku, name, price, rate, item, status in rows
    }


@dataclass(frozen=True, slots=True)
class StockedProduct:
    """A product as an import meets it: where its stock is, and how many units are free."""

    id: uuid.UUID
    stock_item_id: uuid.UUID
    name: str
    available: int


def find_stocked(skus: Collection[str]) -> dict[str, StockedProduct]:
    """The tenant's live products by sku; one statement."""
    rows = Product.objects.filter(sku__in=list(skus)).values_list(
        "sku", "id", "stock_item_id", "name", "stock_item__on_hand", "stock_item__reserved"
    )
    return {
        sku: StockedProduct(product, item, name, on_hand - reserved)
        for sku, product, item, name, on_hand, reserved in rows
    }

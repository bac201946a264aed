"""A catalogue with a past, by the thousand: for demonstrations and tests of size.

Publishes nothing, and checks no caller's rights: what is planted was decided by the program.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from noren.catalog.models import (
    Brand,
    Category,
    Product,
    ProductTag,
    Review,
    Supplier,
    Tag,
    TaxClass,
    Variant,
)
from noren.catalog.services.counters import refresh_ratings
from noren.catalog.services.taxes import rates_today
from noren.inventory.services import Kind, Opening, open_imported_stock
from noren_kit.core import context
from noren_kit.core.ids import uuid7
from noren_kit.db.rows import insert_rows


@dataclass(frozen=True, slots=True)
class SeedCategory:
    """A category; its parent, if any, is named earlier in the list, its tax class by its code."""

    name: str
    parent: str | None
    tax_class: str
    requires_approval: bool = False


@dataclass(frozen=True, slots=True)
class SeedProduct:
    """A product; category, brand and tags by their names, the supplier by its code."""

    sku: str
    name: str
    description: str
    price: Decimal
    status: str
    category: str
    brand: str | None
    supplier: str | None
    tags: Sequence[str]
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class SeedVariant:
    """A variant on sale; its ledger opens with `quantity` units, all at one moment."""

    product_id: uuid.UUID
    name: str
    sku: str
    price: Decimal
    options: dict[str, str]
    quantity: int
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class SeedReview:
    product_id: uuid.UUID
    reviewer_name: str
    rating: int
    comment: str
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class SeededProduct:
    """What a planted product is called in the database."""

    id: uuid.UUID
    stock_item_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Classification:
    """Ids of what products are sorted by: categories and brands by name, suppliers by code."""

    categories: dict[str, uuid.UUID]
    brands: dict[str, uuid.UUID]
    suppliers: dict[str, uuid.UUID]


def seed_classification(
    *,
    categories: Sequence[SeedCategory],
    brands: Iterable[str],
    suppliers: Iterable[tuple[str, str]],
) -> Classification:
    """New categories, brands and suppliers (code and name); names must be new to the tenant.

    Raises `KeyError` for a tax class that the tenant lacks.
    """
    classes = dict(TaxClass.objects.values_list("code", "id"))
    rates = rates_today(classes.values())
    ids: dict[str, uuid.UUID] = {}
    for each in categories:
        ids[each.name] = uuid7()
    Category.objects.bulk_create(
        Category(
            id=ids[each.name],
            name=each.name,
            parent_id=ids[each.parent] if each.parent else None,
            tax_class_id=classes[each.tax_class],
            tax_rate=rates[classes[each.tax_class]],
            requires_approval=each.requires_approval,
        )
        for each in categories
    )
    made = Brand.objects.bulk_create([Brand(name=name) for name in brands])
    sources = Supplier.objects.bulk_create([Supplier(code=c, name=name) for c, name in suppliers])
    return Classification(
        categories=ids,
        brands={brand.name: brand.id for brand in made},
        suppliers={supplier.code: supplier.id for supplier in sources},
    )


def seed_products(
    products: Sequence[SeedProduct], sorting: Classification
) -> tuple[SeededProduct, ...]:
    """New products with their tags, and an empty stock item each; statements do not grow.

    Returned in the order given. Tags must be new to the tenant.
    """
    actor = context.actor_id()
    rows = [
        Product(
            sku=each.sku,
            name=each.name,
            description=each.description,
            price=each.price,
            status=each.status,
            category_id=sorting.categories[each.category],
            brand_id=sorting.brands[each.brand] if each.brand else None,
            supplier_id=sorting.suppliers[each.supplier] if each.supplier else None,
            stock_item_id=uuid7(),
            created_at=each.created_at,
            updated_at=each.created_at,
            created_by_id=actor,
            updated_by_id=actor,
        )
        for each in products
    ]
    if rows:
        open_imported_stock(
            [Opening(str(row.stock_item_id), 0) for row in rows],
            kind=Kind.RECEIVED,
            at=rows[0].created_at,
            reason="",
        )
    insert_rows(rows)
    _tag(products, rows)
    return tuple(SeededProduct(row.id, row.stock_item_id) for row in rows)


def _tag(products: Sequence[SeedProduct], rows: Sequence[Product]) -> None:
    names = sorted({name for each in products for name in each.tags})
    tags = {tag.name: tag.id for tag in Tag.objects.bulk_create([Tag(name=name) for name in names])}
    insert_rows(
        [
            ProductTag(product_id=row.id, tag_id=tags[name])
            for each, row in zip(products, rows, strict=True)
            for name in each.tags
        ]
    )


def seed_variants(variants: Sequence[SeedVariant]) -> None:
    """New variants of planted products, with their stock; statements do not grow."""
    actor = context.actor_id()
    rows = [
        Variant(
            product_id=each.product_id,
            name=each.name,
            sku=each.sku,
            price=each.price,
            options=each.options,
            stock_item_id=uuid7(),
            created_at=each.created_at,
            updated_at=each.created_at,
            created_by_id=actor,
            updated_by_id=actor,
        )
        for each in variants
    ]
    if rows:
        open_imported_stock(
            [
                Opening(str(row.stock_item_id), each.quantity)
                for row, each in zip(rows, variants, strict=True)
            ],
            kind=Kind.RECEIVED,
            at=max(row.created_at for row in rows),
            reason="opening stock",
        )
    insert_rows(rows)


def seed_reviews(reviews: Sequence[SeedReview]) -> None:
    """New reviews of outsiders, and the counters of their products."""
    insert_rows(
        [
            Review(
                product_id=each.product_id,
                reviewer_name=each.reviewer_name,
                rating=each.rating,
                comment=each.comment,
                status=Review.Status.APPROVED,
                created_at=each.created_at,
                updated_at=each.created_at,
            )
            for each in reviews
        ]
    )
    refresh_ratings({each.product_id for each in reviews})

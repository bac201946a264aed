"""Products, categories and variants, and what is counted of them."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import (
    Count,
    F,
    Q,
    QuerySet,
    Sum,
)

from noren.catalog.models import Category, Product, Variant
from noren.inventory.queries import with_availability
from noren_kit.core import context
from noren_kit.core.money import Rounding, round_amount
from noren_kit.db.fields import MoneyField
from noren_kit.db.planning import joins_of_whole_tables

_SUBTREE = """
WITH RECURSIVE subtree AS (
    SELECT id FROM catalog_category WHERE tenant_id = %s AND id = %s
    UNION
    SELECT c.id FROM catalog_category c JOIN subtree s ON c.parent_id = s.id
     WHERE c.tenant_id = %s
) SELECT id FROM subtree
"""


def in_category(queryset: QuerySet[Any], category_id: uuid.UUID) -> QuerySet[Any]:
    """Products of a category or of any category below it.

    The categories are read first: the planner knows by their ids how many products there are,
    and by a sub-query's nothing, so that it walks through all.
    """
    tenant = context.tenant_id()
    with connection.cursor() as cursor:
        cursor.execute(_SUBTREE, [tenant, category_id, tenant])
        subtree = [found for (found,) in cursor.fetchall()]
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


def parents_of_categories() -> dict[uuid.UUID, uuid.UUID | None]:
    """The whole tree: the parent of each category, by ids."""
    return dict(Category.objects.values_list("id", "parent_id"))


def with_stock(queryset: QuerySet[Any]) -> QuerySet[Any]:
    """Products annotated with `availability_status`, for filters."""
    return with_availability(queryset, "stock_item")


POPULAR = 20


def list_popular(products: QuerySet[Any]) -> QuerySet[Any]:
    """The 20 of these products on sale that sold best; of equals, the better rated."""
    order = ("-stock_item__sold", "-average_rating", "-id")
    return products.filter(status=Product.Status.ACTIVE).order_by(*order)[:POPULAR]


class RunningLow(NamedTuple):
    """A product with few `units` that can be sold, or none."""

    name: str
    sku: str
    units: int


def list_running_low(most: int) -> list[RunningLow]:
    """Products on sale that are out of stock or nearly, the emptiest first; at most so many."""
    on_sale = with_stock(Product.objects.filter(status=Product.Status.ACTIVE))
    low = on_sale.filter(availability_status__in=["out_of_stock", "low_stock"])
    units = F("stock_item__on_hand") - F("stock_item__reserved")
    found = low.annotate(units=units).order_by("units", "sku")
    return [RunningLow(*row) for row in found.values_list("name", "sku", "units")[:most]]


@dataclass(frozen=True, slots=True)
class CatalogueFigures:
    """Live products taken together; `average_price` is null where there are none."""

    total_products: int
    active_products: int
    average_price: Decimal | None
    categories: int
    out_of_stock: int
    low_stock: int


def sum_up(products: QuerySet[Any]) -> CatalogueFigures:
    """The figures of these products; one statement. Categories are those that hold any of them.

    The average is rounded half up at the currency's precision.
    """
    figures = (
        with_stock(products)
        .order_by()
        .aggregate(
            total=Count("id"),
            active=Count("id", filter=Q(status=Product.Status.ACTIVE)),
            prices=Sum("price", output_field=MoneyField()),
            categories=Count("category", distinct=True),
            out=Count("id", filter=Q(availability_status="out_of_stock")),
            low=Count("id", filter=Q(availability_status="low_stock")),
        )
    )
    total, currency = figures["total"], context.tenant().currency
    average = round_amount(figures["prices"] / total, currency, Rounding.HALF_UP) if total else None
    return CatalogueFigures(
        total, figures["active"], average, figures["categories"], figures["out"], figures["low"]
    )


def list_products() -> QuerySet[Product]:
    products: QuerySet[Product] = Product.objects.all()
    return products


def find_product(product_id: uuid.UUID) -> Product | None:
    """A live product, or None."""
    product: Product | None = Product.objects.filter(id=product_id).first()
    return product


def find_variant(variant_id: uuid.UUID) -> Variant | None:
    """A live variant, or None."""
    variant: Variant | None = Variant.objects.filter(id=variant_id).first()
    return variant


def find_categories(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Category]:
    found: dict[uuid.UUID, Category] = Category.objects.in_bulk(list(ids))
    return found


_RATING_DIFFERENCES = """
SELECT p.id, p.review_count, p.rating_sum, p.average_rating,
       coalesce(r.reviews, 0), coalesce(r.total, 0)
  FROM catalog_product p
  LEFT JOIN (SELECT product_id, count(*) AS reviews, sum(rating)::bigint AS total
               FROM catalog_review
              WHERE tenant_id = %(tenant)s AND status = 'approved' AND deleted_at IS NULL
              GROUP BY product_id) r ON r.product_id = p.id
 WHERE p.tenant_id = %(tenant)s AND p.deleted_at IS NULL
   AND (p.review_count, p.rating_sum, p.average_rating) IS DISTINCT FROM
       (coalesce(r.reviews, 0), coalesce(r.total, 0),
        coalesce((200 * r.total + r.reviews) / nullif(2 * r.reviews, 0), 0))
 ORDER BY p.id
"""


def find_rating_differences() -> Iterator[dict[str, Any]]:
    """Live products of the tenant whose counters are not those of their approved reviews."""
    with joins_of_whole_tables(), connection.cursor() as cursor:
        cursor.execute(_RATING_DIFFERENCES, {"tenant": context.tenant_id()})
        found = cursor.fetchall()
    for product, count, total, average, reviews, ratings in found:
        yield {
            "product_id": str(product),
            "review_count": count,
            "rating_sum": total,
            "average_rating": average / 100,
            "approved_reviews": reviews,
            "their_ratings": ratings,
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

"""Reads of the catalogue."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
import zoneinfo
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import (
    Case,
    CharField,
    Count,
    F,
    Max,
    Min,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast
from django.utils import timezone

from noren.catalog.models import Category, Product, ProductTag, Variant
from noren.inventory.queries import with_availability
from noren_kit.core import context
from noren_kit.core.money import Rounding, round_amount
from noren_kit.db.arrays import plain_array
from noren_kit.db.fields import MoneyField
from noren_kit.db.planning import joins_of_whole_tables
from noren_kit.db.prepared import fetch_all

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


def tax_day() -> dt.date:
    """Today, where the tenant is."""
    return timezone.localdate(timezone=zoneinfo.ZoneInfo(context.tenant().time_zone))


@dataclass(frozen=True, slots=True)
class Saleable:
    """What an order copies from a product, or from one of its variants, at the moment of sale.

    `price` is what one pays. `product_item_id` is the product's own stock item, which sales of
    its variants lock too; `stock_item_id` is where the units come from.
    """

    product_id: uuid.UUID
    sku: str
    name: str
    price: Decimal
    tax_rate: Decimal
    stock_item_id: uuid.UUID
    product_item_id: uuid.UUID
    is_active: bool
    variant_id: uuid.UUID | None = None
    variant_sku: str = ""
    variant_name: str = ""


# The class's rate of the day, in the tenant's time zone; the stored one follows by a task.
_RATE = """coalesce((
           SELECT r.rate FROM catalog_taxrate r
            WHERE r.tenant_id = c.tenant_id AND r.tax_class_id = c.tax_class_id
              AND r.valid_from <= %(today)s ORDER BY r.valid_from DESC LIMIT 1), c.tax_rate)"""
_SALEABLE = f"""
SELECT p.id, p.sku, p.name, p.price, {_RATE}, p.stock_item_id, p.stock_item_id,
       p.status = 'active', NULL::uuid, '', ''
  FROM catalog_product p
  JOIN catalog_category c ON c.tenant_id = p.tenant_id AND c.id = p.category_id
 WHERE p.tenant_id = %(tenant)s AND p.id = ANY((SELECT %(products)s::uuid[])::uuid[])
   AND p.deleted_at IS NULL
"""  # noqa: S608  our own text
_SALEABLE_VARIANTS = f"""
SELECT p.id, p.sku, p.name, coalesce(v.price, p.price), {_RATE}, v.stock_item_id,
       p.stock_item_id, p.status = 'active' AND v.is_active, v.id, v.sku, v.name
  FROM catalog_variant v
  JOIN catalog_product p ON p.tenant_id = v.tenant_id AND p.id = v.product_id
  JOIN catalog_category c ON c.tenant_id = p.tenant_id AND c.id = p.category_id
 WHERE v.tenant_id = %(tenant)s AND v.id = ANY((SELECT %(variants)s::uuid[])::uuid[])
   AND v.deleted_at IS NULL AND p.deleted_at IS NULL
"""  # noqa: S608  our own text
_SALEABLE_OF_BOTH = f"{_SALEABLE} UNION ALL {_SALEABLE_VARIANTS}"


def find_saleable(
    products: Collection[uuid.UUID], variants: Collection[uuid.UUID] = ()
) -> dict[uuid.UUID, Saleable]:
    """The tenant's live products and variants among these ids, inactive ones too.

    By the id that was asked for; one statement.
    """
    values = {
        "tenant": context.tenant_id(),
        "products": plain_array(products),
        "today": tax_day(),
    }
    if variants:
        values["variants"] = plain_array(variants)
    found: dict[uuid.UUID, Saleable] = {}
    rows = fetch_all(_SALEABLE_OF_BOTH if variants else _SALEABLE, values)
    for product, sku, name, price, rate, item, product_item, on_sale, variant, *own in rows:
        found[variant or product] = Saleable(
            product_id=product,
            sku=sku,
            name=name,
            price=Decimal(price).scaleb(-MoneyField.places),
            tax_rate=rate,
            stock_item_id=item,
            product_item_id=product_item,
            is_active=on_sale,
            variant_id=variant,
            variant_sku=own[0],
            variant_name=own[1],
        )
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


MOST_FACETS = 50
_MOST_BANDS, _WIDE = 8, 20
# The filters of each facet, which it does not count by itself: others stay to be chosen.
OWN_FILTERS = {
    "category": ("category",),
    "brand": ("brand",),
    "tags": ("tags",),
    "price": ("price_min", "price_max"),
    "availability_status": ("availability_status",),
}


@dataclass(frozen=True, slots=True)
class PriceBand:
    """Prices from `low`, and below `high`."""

    low: Decimal
    high: Decimal
    count: int


@dataclass(frozen=True, slots=True)
class Facets:
    """How many products there are of each kind: (key, name, count), the most frequent first."""

    count: int
    values: dict[str, list[tuple[str, str, int]]]
    price: list[PriceBand]


def price_bounds(low: Decimal, high: Decimal, unit: Decimal) -> list[Decimal]:
    """Round bounds of at most eight bands that hold all prices from `low` to `high`.

    Even steps of 1, 2 or 5 times a power of ten, at least `unit`; where the highest price is
    more than twenty times the lowest, steps that grow with the price.
    """
    start = max(low, unit)
    if high > _WIDE * start:
        for digits, decades in (((1, 2, 5), 1), ((1,), 1), ((1,), 2)):
            bounds = _growing(low, high, unit, digits, decades)
            if len(bounds) - 1 <= _MOST_BANDS:
                return bounds
        return bounds
    power = unit
    while True:
        for digit in (1, 2, 5):
            step = digit * power
            first, last = low // step, high // step
            if last - first < _MOST_BANDS:
                return [step * at for at in range(int(first), int(last) + 2)]
        power *= 10


def _growing(
    low: Decimal, high: Decimal, unit: Decimal, digits: Collection[int], decades: int
) -> list[Decimal]:
    bounds, power = [Decimal(0)], unit
    while bounds[-1] <= high:
        bounds += [digit * power for digit in digits]
        power *= 10**decades
    first = max(at for at, bound in enumerate(bounds) if bound <= low)
    last = min(at for at, bound in enumerate(bounds) if bound > high)
    return bounds[first : last + 1]


def _counted(rows: QuerySet[Any], facet: str, key: Any, label: Any) -> QuerySet[Any]:
    """(facet, key, label, number of rows), the most frequent first."""
    counted: QuerySet[Any] = (
        rows.order_by()
        .annotate(facet=Value(facet), key=Cast(key, CharField()), label=Cast(label, CharField()))
        .values("facet", "key", "label")
        .annotate(found=Count("pk"))
        .order_by("-found", "label", "key")
        .values_list("facet", "key", "label", "found")[:MOST_FACETS]
    )
    return counted


def count_facets(rows: Callable[[Collection[str]], QuerySet[Any]], *, unit: Decimal) -> Facets:
    """Count products by category, brand, tag, price band and availability; two statements.

    `rows` gives the products of the search, without the filters of these names: each facet is
    counted without its own. `unit` is the smallest amount of the prices' currency.
    """
    by_facet = {facet: rows(own) for facet, own in OWN_FILTERS.items()}
    priced, tagged = by_facet["price"].order_by(), by_facet["tags"].order_by()
    ends = priced.aggregate(low=Min("price"), high=Max("price"))
    bounds = [] if ends["low"] is None else price_bounds(ends["low"], ends["high"], unit)
    band = Case(
        *(When(price__lt=high, then=Value(at)) for at, high in enumerate(bounds[1:])),
        default=Value(len(bounds)),
    )
    links = ProductTag.objects.filter(product__in=tagged.values("pk"), tag__deleted_at=None)
    branded = by_facet["brand"].filter(brand__isnull=False)
    stocked = with_stock(by_facet["availability_status"])
    counted = _counted(rows(()), "count", Value(""), Value("")).union(
        _counted(by_facet["category"], "category", F("category_id"), F("category__name")),
        _counted(branded, "brand", F("brand_id"), F("brand__name")),
        _counted(links, "tags", Value(""), F("tag__name")),
        _counted(stocked, "availability_status", F("availability_status"), Value("")),
        _counted(priced, "price", band, Value("")),
        all=True,
    )
    found: dict[str, list[tuple[str, str, int]]] = {}
    for facet, key, label, count in counted:
        found.setdefault(facet, []).append((key, label, count))
    by_band = {int(key): count for key, _label, count in found.pop("price", [])}
    bands = [
        PriceBand(low, high, by_band.get(at, 0))
        for at, (low, high) in enumerate(itertools.pairwise(bounds))
    ]
    total = found.pop("count", [("", "", 0)])
    return Facets(count=total[0][2], values=found, price=bands)

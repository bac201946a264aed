"""How many products a search has by category, brand, tag, price and availability."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    F,
    Max,
    Min,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Cast

from noren.catalog.models import ProductTag
from noren.catalog.queries.products import with_stock

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

"""A million products: every list of them is answered by an index, and page 1 costs what page 1
of a small shop does, wherever its cursor stands.

One test, because making the products takes half a minute: each request is a subtest.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from catalogue_at_scale import Stocking, write_catalogue, write_terms

from noren.catalog.models import Brand, Category, Product
from noren.catalog.views import ProductViewSet
from noren_kit.api.filters import ordered
from noren_kit.api.keyset import CursorTokens, Position, column_of, place_of, reversed_term
from noren_kit.search.indexing import resource_code
from noren_kit.testing.plans import (
    Select,
    plans_of,
    recorded_selects,
    rows_examined,
    scanned_whole,
    scans_of,
)
from noren_kit.testing.plugin import OwnerConnection
from noren_kit.testing.shops import Client, Shop

PRODUCTS, NEIGHBOURS = 1_000_000, 50_000
CATEGORIES, BRANDS = 50, 20
URL = "/api/v1/products/"
LARGE = {"catalog_product", "inventory_stockitem"}
# A page of 20 or 100 ids with what it joins; small tables may be read whole for it.
CHEAP = 500
# What is looked through until 20 rows of a hundredth of all are found, if these are anywhere.
FILTERED = 5_000
# Some entries of the words of a search, and its page; none of them depends on how many match.
SEARCHED = 6_000
# Filters with an index of their own for the default ordering, and those that say nothing of a
# row's place in another ordering. How far a brand of one season is from the first page by
# rating is luck: there an index is asked for, and no number.
INDEXED = {"category", "brand", "status", "created"}
INDEPENDENT = {"category", "category tree", "status", "price"}
ORDERINGS = [term for name in ProductViewSet.orderings() for term in (name, reversed_term(name))]


@dataclass
class Catalogue:
    shop: Shop
    neighbour: Shop
    categories: list[uuid.UUID] = field(default_factory=list)
    brands: list[uuid.UUID] = field(default_factory=list)

    def filters(self) -> dict[str, dict[str, str]]:
        """One of each filter that an ordering may come with. Searches have a check of their own."""
        return {
            "category": {"category": str(self.categories[20])},
            "category tree": {"category": str(self.categories[0])},
            "brand": {"brand": str(self.brands[3])},
            "status": {"status": "archived"},
            "price": {"price_min": "1000", "price_max": "1200"},
            "created": {
                "created_after": "2025-03-01T00:00Z",
                "created_before": "2025-04-01T00:00Z",
            },
        }

    def rare_filters(self) -> dict[str, dict[str, str]]:
        """Filters whose rows are none, or all at the far end of the default ordering."""
        with self.shop.entered():
            empty = Category.objects.create(name="Empty", tax_rate=Decimal(8)).id
            unsold = Brand.objects.create(name="Unsold").id
        return {
            "empty category": {"category": str(empty)},
            "given up category": {"category": str(self.categories[-1])},
            "empty brand": {"brand": str(unsold)},
            "given up brand": {"brand": str(self.brands[-1])},
            "unknown category": {"category": str(uuid.UUID(int=1))},
        }


def classify(shop: Shop) -> tuple[list[uuid.UUID], list[uuid.UUID]]:
    """Ten categories with four below each, and brands."""
    with shop.entered():
        made: list[Category] = []
        for number in range(CATEGORIES):
            parent = made[number % 10] if number >= 10 else None
            made.append(
                Category.objects.create(name=f"C{number}", tax_rate=Decimal(8), parent=parent)
            )
        brands = [Brand.objects.create(name=f"B{number}").id for number in range(BRANDS)]
    return [each.id for each in made], brands


@pytest.fixture
def catalogue(shop: Shop, neighbour: Shop, owner: OwnerConnection) -> Catalogue:
    assert owner.admin is not None, "Only a superuser may write past triggers."
    categories, brands = classify(shop)
    stockings = {shop.tenant.id: Stocking(PRODUCTS, categories, brands)}
    stockings[neighbour.tenant.id] = Stocking(NEIGHBOURS, *classify(neighbour))
    write_catalogue(owner.admin, stockings)
    write_terms(owner.admin, shop.tenant.id, resource_code("catalog_product"))
    return Catalogue(shop, neighbour, categories, brands)


class Checker:
    """Asks the API, and PostgreSQL how it answered."""

    def __init__(self, catalogue: Catalogue, subtests: pytest.Subtests) -> None:
        self.catalogue, self.subtests = catalogue, subtests
        self.client: Client = catalogue.shop.client()

    def get(self, kind: str, at_most: int | None, path: str = "", **query: str) -> None:
        """Assert that every statement uses an index, and that none but counts reads much."""
        with self.subtests.test(kind, **query):
            with recorded_selects() as selects:
                response = self.client.get(f"{URL}{path}", query)
            assert response.status_code == 200, response.json()
            assert selects, "nothing was recorded"
            self._check(at_most, selects)

    def _check(self, at_most: int | None, selects: list[Select]) -> None:
        tenant = self.catalogue.shop.tenant.id
        counts = [each for each in selects if each.counts]
        pages = [each for each in selects if not each.counts]
        plans = plans_of(pages, tenant, run=True)
        for plan, select in zip(
            [*plans, *plans_of(counts, tenant, run=False)], [*pages, *counts], strict=True
        ):
            assert not scanned_whole(plan) & LARGE, select.sql
        examined = sum(map(rows_examined, plans))
        assert at_most is None or examined <= at_most, "\n".join(
            each for plan in plans for each in scans_of(plan)
        )


def middle_of(shop: Shop, term: str) -> tuple[Product, list[str]]:
    """The row in the middle of the list, among its ties, and by what the list is ordered."""
    with shop.entered():
        rows = ordered(ProductViewSet, Product.objects.all(), [term])
        return rows[PRODUCTS // 2], [str(each) for each in rows.query.order_by]


def cursor_at(shop: Shop, row: Product, ordering: list[str], *, backwards: bool) -> str:
    tokens = CursorTokens(URL, [("ordering", ordering[0])], ordering)
    with shop.entered():
        values = [getattr(row, column_of(term)) for term in ordering]
        return tokens.write(Position(place_of(values, ordering), backwards))


def check_orderings(checker: Checker) -> None:
    shop = checker.catalogue.shop
    for name in ProductViewSet.orderings():
        row, rising = middle_of(shop, name)
        for ordering in (rising, [reversed_term(each) for each in rising]):
            term = ordering[0]
            checker.get("ordering", CHEAP, ordering=term)
            checker.get("first cursor", CHEAP, ordering=term, cursor="")
            for backwards in (False, True):
                token = cursor_at(shop, row, ordering, backwards=backwards)
                checker.get("deep cursor", CHEAP, ordering=term, cursor=token)


def check_filters(checker: Checker) -> None:
    for name, query in checker.catalogue.filters().items():
        for term in ORDERINGS:
            default = term in ("created_at", "-created_at")
            most = FILTERED if default or name in INDEPENDENT else None
            if default and name in INDEXED:
                most = CHEAP
            # Counting does not depend on the ordering: a cursor's page has none.
            start = {} if default else {"cursor": ""}
            checker.get(f"{name} by {term}", most, ordering=term, **query, **start)
    for name, query in checker.catalogue.rare_filters().items():
        checker.get(name, CHEAP, **query)


def check_searches(checker: Checker) -> None:
    """Words that a tenth and a fifth of all products have."""
    for query in ({}, {"cursor": ""}, {"status": "active"}, {"ordering": "-created_at"}):
        for text in ("kettle", "t"):
            checker.get("search", SEARCHED, search=text, **query)


def check_ids(checker: Checker) -> None:
    shop = checker.catalogue.shop
    with shop.entered():
        found = Product.objects.order_by("-price", "-id").values_list("id", flat=True)[:100]
        ids = [str(each) for each in found]
    for some in (ids[:1], ids):
        checker.get("ids", CHEAP, ids=",".join(some))
    checker.get("detail", CHEAP, f"{ids[0]}/")
    checker.get("popular", CHEAP, "popular/")


def test_plans_at_scale(catalogue: Catalogue, subtests: pytest.Subtests) -> None:
    checker = Checker(catalogue, subtests)
    check_orderings(checker)
    check_filters(checker)
    check_searches(checker)
    check_ids(checker)

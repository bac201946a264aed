"""Cursors over what a list may be ordered by: annotations, one direction, both, and the past."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Case, F, IntegerField, QuerySet, Value, When

from noren.catalog.models import Category, Product
from noren.catalog.services import create_product
from noren.catalog.views import ProductViewSet
from noren_kit.api.keyset import beyond, column_of, place_of
from noren_kit.core.errors import InvalidInput
from noren_kit.testing.answers import assert_error
from noren_kit.testing.shops import Shop

PRODUCTS = "/api/v1/products/"


@pytest.fixture
def teas(shop: Shop) -> list[str]:
    with shop.entered():
        category = Category.objects.create(name="Tea", tax_rate=Decimal(8))
        for number in range(12):
            values = {
                "name": f"Tea {number % 4}",
                "sku": f"T{number}",
                "price": Decimal(100 + number % 2),
                "category": category,
            }
            create_product(values=values)
        return [str(each) for each in Product.objects.values_list("id", flat=True)]


def relevant() -> QuerySet[Product]:
    relevance = Case(
        When(name="Tea 0", then=3),
        When(name="Tea 1", then=1),
        default=1,
        output_field=IntegerField(),
    )
    found: QuerySet[Product] = Product.objects.annotate(relevance=relevance)
    return found


def place(row: Any, ordering: list[str]) -> tuple[str, ...]:
    return place_of([getattr(row, column_of(term)) for term in ordering], ordering)


def walked(queryset: QuerySet[Product], ordering: list[str]) -> list[Product]:
    seen: list[Product] = []
    page = list(queryset.order_by(*ordering)[:5])
    while page:
        seen += page
        rest = queryset.filter(beyond(queryset, ordering, place(page[-1], ordering)))
        page = list(rest.order_by(*ordering)[:5])
    return seen


@pytest.mark.parametrize(
    "ordering",
    [
        ["-relevance", "-id"],
        ["relevance", "id"],
        ["-relevance", "price", "-id"],
        ["price", "-relevance", "id"],
        ["-price", "-relevance", "-name", "-id"],
    ],
)
def test_an_annotation_orders_like_a_column(
    shop: Shop, teas: list[str], ordering: list[str]
) -> None:
    with shop.entered():
        assert walked(relevant(), ordering) == list(relevant().order_by(*ordering))
        assert len(walked(relevant(), ordering)) == len(teas)


def test_a_null_is_refused_aloud(shop: Shop, teas: list[str]) -> None:
    with shop.entered():
        row = Product.objects.annotate(relevance=Value(None, IntegerField()))[0]
        with pytest.raises(ImproperlyConfigured, match="relevance is null"):
            place(row, ["-relevance", "-id"])


@pytest.mark.parametrize("given", [["x", "1"], ["100", "x"], ["100"], ["1.23456", "x"], []])
def test_a_place_of_another_kind_is_named(shop: Shop, given: list[str]) -> None:
    with shop.entered(), pytest.raises(InvalidInput) as refused:
        beyond(Product.objects.all(), ["price", "id"], given)
    assert list(refused.value.details) == ["cursor"]


def test_one_direction_is_a_comparison_of_rows(shop: Shop, teas: list[str]) -> None:
    with shop.entered():
        row = Product.objects.order_by("id")[0]
        for ordering, expected in (
            (["-price", "-id"], True),
            (["price", "name", "id"], True),
            (["-price", "name", "-id"], False),
        ):
            queryset = Product.objects.filter(
                beyond(Product.objects.all(), ordering, place(row, ordering))
            )
            one_range = " OR " not in str(queryset.query)
            assert one_range is expected, ordering


def test_a_cursor_of_a_former_ordering_is_refused(
    shop: Shop, teas: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With as many terms, and values that would do."""
    client = shop.client()
    link: Any = client.get(f"{PRODUCTS}?cursor=&page_size=5").json()["next"]
    assert client.get(link).status_code == 200
    monkeypatch.setattr(ProductViewSet, "ordering", ("-name",))
    monkeypatch.setattr(ProductViewSet, "cached", False)  # Its keys don't hold our own code.
    details = assert_error(client.get(link), 400, "validation_error")
    assert [fault["code"] for fault in details["cursor"]] == ["invalid"]


def test_relations_do_not_lose_the_comparison(shop: Shop, teas: list[str]) -> None:
    """Columns of the same name in a joined table stay apart."""
    with shop.entered():
        joined = Product.objects.select_related("category", "stock_item").annotate(
            units=F("stock_item__on_hand")
        )
        assert len(walked(joined, ["units", "price", "id"])) == len(teas)

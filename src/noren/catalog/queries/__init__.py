"""Reads of the catalogue."""

from noren.catalog.queries.facets import (
    MOST_FACETS,
    OWN_FILTERS,
    Facets,
    PriceBand,
    count_facets,
    price_bounds,
)
from noren.catalog.queries.products import (
    POPULAR,
    CatalogueFigures,
    StockedProduct,
    find_categories,
    find_product,
    find_rating_differences,
    find_stocked,
    find_variant,
    in_category,
    is_below,
    list_popular,
    list_products,
    parents_of_categories,
    sum_up,
    with_stock,
)
from noren.catalog.queries.selling import (
    Saleable,
    find_saleable,
    tax_day,
)

__all__ = [
    "MOST_FACETS",
    "OWN_FILTERS",
    "POPULAR",
    "CatalogueFigures",
    "Facets",
    "PriceBand",
    "Saleable",
    "StockedProduct",
    "count_facets",
    "find_categories",
    "find_product",
    "find_rating_differences",
    "find_saleable",
    "find_stocked",
    "find_variant",
    "in_category",
    "is_below",
    "list_popular",
    "list_products",
    "parents_of_categories",
    "price_bounds",
    "sum_up",
    "tax_day",
    "with_stock",
]

"""The catalogue's operations on several rows, and those that another app calls."""

from noren.catalog.services.approval import APPROVE, ApprovalBound
from noren.catalog.services.categories import save_category
from noren.catalog.services.counters import count_sales, refresh_ratings
from noren.catalog.services.importing import ImportedProduct, import_products
from noren.catalog.services.products import OVERRIDE_FLOOR, create_product, update_product

__all__ = [
    "APPROVE",
    "OVERRIDE_FLOOR",
    "ApprovalBound",
    "ImportedProduct",
    "count_sales",
    "create_product",
    "import_products",
    "refresh_ratings",
    "save_category",
    "update_product",
]

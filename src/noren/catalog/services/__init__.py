"""The catalogue's operations on several rows, and those that another app calls."""

from noren.catalog.services.categories import save_category
from noren.catalog.services.counters import count_sales, refresh_ratings
from noren.catalog.services.importing import ImportedProduct, import_products
from noren.catalog.services.products import create_product, delete_product, update_product

__all__ = [
    "ImportedProduct",
    "count_sales",
    "create_product",
    "delete_product",
    "import_products",
    "refresh_ratings",
    "save_category",
    "update_product",
]

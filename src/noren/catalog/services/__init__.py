"""The catalogue's operations on several rows, and those that another app calls."""

from noren.catalog.services.approval import APPROVE, ApprovalBound
from noren.catalog.services.categories import save_category
from noren.catalog.services.counters import count_sales, refresh_ratings
from noren.catalog.services.importing import ImportedProduct, import_products
from noren.catalog.services.products import OVERRIDE_FLOOR, create_product, update_product
from noren.catalog.services.reviews import (
    MODERATE,
    OwnReviews,
    create_review,
    delete_review,
    moderate_review,
    update_review,
)
from noren.catalog.services.taxes import follow_classes, provide_tax_classes, save_tax_class
from noren.catalog.services.variants import create_variant, update_variant

__all__ = [
    "APPROVE",
    "MODERATE",
    "OVERRIDE_FLOOR",
    "ApprovalBound",
    "ImportedProduct",
    "OwnReviews",
    "count_sales",
    "create_product",
    "create_review",
    "create_variant",
    "delete_review",
    "follow_classes",
    "import_products",
    "moderate_review",
    "provide_tax_classes",
    "refresh_ratings",
    "save_category",
    "save_tax_class",
    "update_product",
    "update_review",
    "update_variant",
]

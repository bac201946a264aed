"""The catalogue's operations on several rows, and those that another app calls."""

from noren.catalog.services.approval import APPROVE, ApprovalBound
from noren.catalog.services.categories import create_categories, save_category, update_categories
from noren.catalog.services.counters import count_sales, refresh_ratings
from noren.catalog.services.digest import announce_running_low
from noren.catalog.services.images import IMAGES, set_image, sweep_images
from noren.catalog.services.importing import ImportedProduct, import_products
from noren.catalog.services.pricing import (
    PriceRule,
    PriceStep,
    faulty_steps,
    lock_prices,
    write_prices,
)
from noren.catalog.services.products import (
    OVERRIDE_FLOOR,
    create_product,
    create_products,
    update_product,
    update_products,
)
from noren.catalog.services.reviews import (
    MODERATE,
    OwnReviews,
    create_review,
    create_reviews,
    delete_review,
    delete_reviews,
    moderate_review,
    restore_review,
    update_review,
    update_reviews,
)
from noren.catalog.services.taxes import follow_classes, provide_tax_classes, save_tax_class
from noren.catalog.services.variants import (
    create_variant,
    create_variants,
    update_variant,
    update_variants,
)

__all__ = [
    "APPROVE",
    "IMAGES",
    "MODERATE",
    "OVERRIDE_FLOOR",
    "ApprovalBound",
    "ImportedProduct",
    "OwnReviews",
    "PriceRule",
    "PriceStep",
    "announce_running_low",
    "count_sales",
    "create_categories",
    "create_product",
    "create_products",
    "create_review",
    "create_reviews",
    "create_variant",
    "create_variants",
    "delete_review",
    "delete_reviews",
    "faulty_steps",
    "follow_classes",
    "import_products",
    "lock_prices",
    "moderate_review",
    "provide_tax_classes",
    "refresh_ratings",
    "restore_review",
    "save_category",
    "save_tax_class",
    "set_image",
    "sweep_images",
    "update_categories",
    "update_product",
    "update_products",
    "update_review",
    "update_reviews",
    "update_variant",
    "update_variants",
    "write_prices",
]

"""The catalogue's tables, a module each for what belongs together."""

from noren.catalog.models.classification import Brand, Category, Supplier, Tag
from noren.catalog.models.products import PRICE_MAX, PRICE_MIN, ClaimedSku, Product, ProductTag
from noren.catalog.models.reviews import Review
from noren.catalog.models.taxes import TaxClass, TaxRate
from noren.catalog.models.variants import Variant

__all__ = [
    "PRICE_MAX",
    "PRICE_MIN",
    "Brand",
    "Category",
    "ClaimedSku",
    "Product",
    "ProductTag",
    "Review",
    "Supplier",
    "Tag",
    "TaxClass",
    "TaxRate",
    "Variant",
]

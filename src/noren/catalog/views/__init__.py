"""The catalogue over HTTP."""

from noren.catalog.views.classification import (
    BrandViewSet,
    CategoryViewSet,
    SupplierViewSet,
    TagViewSet,
)
from noren.catalog.views.products import ProductViewSet
from noren.catalog.views.reviews import ReviewViewSet
from noren.catalog.views.taxes import TaxClassViewSet
from noren.catalog.views.variants import VariantViewSet

__all__ = [
    "BrandViewSet",
    "CategoryViewSet",
    "ProductViewSet",
    "ReviewViewSet",
    "SupplierViewSet",
    "TagViewSet",
    "TaxClassViewSet",
    "VariantViewSet",
]

"""The catalogue over HTTP."""

from noren.catalog.views.classification import (
    BrandViewSet,
    CategoryViewSet,
    SupplierViewSet,
    TagViewSet,
)
from noren.catalog.views.products import ProductViewSet

__all__ = [
    "BrandViewSet",
    "CategoryViewSet",
    "ProductViewSet",
    "SupplierViewSet",
    "TagViewSet",
]

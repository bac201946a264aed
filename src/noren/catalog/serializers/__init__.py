"""How the catalogue looks over HTTP."""

from noren.catalog.serializers.classification import (
    BrandSerializer,
    CategorySerializer,
    SupplierSerializer,
    TagSerializer,
)
from noren.catalog.serializers.products import (
    ProductChangeSerializer,
    ProductDetailSerializer,
    ProductListSerializer,
    ProductWriteSerializer,
)

__all__ = [
    "BrandSerializer",
    "CategorySerializer",
    "ProductChangeSerializer",
    "ProductDetailSerializer",
    "ProductListSerializer",
    "ProductWriteSerializer",
    "SupplierSerializer",
    "TagSerializer",
]

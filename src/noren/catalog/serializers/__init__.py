"""How the catalogue looks over HTTP."""

from noren.catalog.serializers.classification import (
    BrandSerializer,
    CategorySerializer,
    SupplierSerializer,
    TagSerializer,
)
from noren.catalog.serializers.facets import FacetsSerializer
from noren.catalog.serializers.images import ImageUploadSerializer
from noren.catalog.serializers.pricing import (
    NewPriceSerializer,
    PriceRuleSerializer,
    PriceUpdateSerializer,
)
from noren.catalog.serializers.products import (
    CatalogueFiguresSerializer,
    PopularSerializer,
    ProductChangeSerializer,
    ProductDetailSerializer,
    ProductListSerializer,
    ProductWriteSerializer,
)
from noren.catalog.serializers.reviews import ReviewSerializer
from noren.catalog.serializers.taxes import TaxClassSerializer, TaxClassWriteSerializer
from noren.catalog.serializers.variants import (
    VariantChangeSerializer,
    VariantSerializer,
    VariantWriteSerializer,
)

__all__ = [
    "BrandSerializer",
    "CatalogueFiguresSerializer",
    "CategorySerializer",
    "FacetsSerializer",
    "ImageUploadSerializer",
    "NewPriceSerializer",
    "PopularSerializer",
    "PriceRuleSerializer",
    "PriceUpdateSerializer",
    "ProductChangeSerializer",
    "ProductDetailSerializer",
    "ProductListSerializer",
    "ProductWriteSerializer",
    "ReviewSerializer",
    "SupplierSerializer",
    "TagSerializer",
    "TaxClassSerializer",
    "TaxClassWriteSerializer",
    "VariantChangeSerializer",
    "VariantSerializer",
    "VariantWriteSerializer",
]

"""Categories, brands, suppliers, tags: plain resources."""

from __future__ import annotations

from noren.catalog.models import Category
from noren.catalog.serializers import (
    BrandSerializer,
    CategorySerializer,
    SupplierSerializer,
    TagSerializer,
)
from noren.catalog.services import ApprovalBound
from noren_kit.api.filters import IdFilter, ResourceFilterSet
from noren_kit.api.viewsets import ResourceViewSet


class CategoryFilterSet(ResourceFilterSet):
    parent = IdFilter(field_name="parent_id")

    class Meta:
        model = Category
        fields: list[str] = []


class CategoryViewSet(ResourceViewSet):
    serializer_class = CategorySerializer
    filterset_class = CategoryFilterSet
    row_rules = [ApprovalBound("requires_approval")]
    search_fields, ordering_fields = ["name"], ["name"]


class BrandViewSet(ResourceViewSet):
    serializer_class = BrandSerializer
    search_fields, ordering_fields = ["name"], ["name"]


class SupplierViewSet(ResourceViewSet):
    serializer_class = SupplierSerializer
    search_fields, ordering_fields = ["code", "name"], ["name"]


class TagViewSet(ResourceViewSet):
    serializer_class = TagSerializer
    search_fields, ordering_fields = ["name"], ["name"]

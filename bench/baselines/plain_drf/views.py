"""Viewsets as the framework's own guide writes them."""

import django_filters
from django.db.models import Prefetch
from plain_drf.models import Order, Product, Review, Variant
from plain_drf.serializers import OrderSerializer, ProductListSerializer, ProductSerializer
from rest_framework.viewsets import ModelViewSet


class ProductFilter(django_filters.FilterSet):
    price_min = django_filters.NumberFilter(field_name="price", lookup_expr="gte")
    price_max = django_filters.NumberFilter(field_name="price", lookup_expr="lte")

    class Meta:
        model = Product
        fields = ["category", "brand", "supplier", "status"]


class Stamped:
    """Writes who made and who changed a row."""

    def perform_create(self, serializer):
        serializer.save(created_by=self.request.user, updated_by=self.request.user)

    def perform_update(self, serializer):
        serializer.save(updated_by=self.request.user)


ACTIVE_VARIANTS = Prefetch(
    "variants",
    queryset=Variant.objects.filter(is_active=True).order_by("created_at", "id"),
    to_attr="active_variants",
)
RECENT_REVIEWS = Prefetch(
    "reviews",
    queryset=Review.objects.filter(status=Review.Status.APPROVED)
    .select_related("reviewer")
    .order_by("-created_at", "-id")[:5],
    to_attr="recent_reviews",
)


class ProductViewSet(Stamped, ModelViewSet):
    queryset = Product.objects.select_related(
        "category", "created_by", "updated_by"
    ).prefetch_related("tags")
    serializer_class = ProductSerializer
    filterset_class = ProductFilter
    search_fields = ["name", "description", "sku"]
    ordering_fields = ["created_at", "updated_at", "price", "name", "average_rating", "total_sales"]

    def get_queryset(self):
        products = super().get_queryset()
        if self.action == "list":
            return products
        return products.prefetch_related(ACTIVE_VARIANTS, RECENT_REVIEWS)

    def perform_create(self, serializer):
        super().perform_create(serializer)
        # Read again, with what the detail shows.
        serializer.instance = self.get_queryset().get(pk=serializer.instance.pk)

    def get_serializer_class(self):
        return ProductListSerializer if self.action == "list" else ProductSerializer


class OrderViewSet(Stamped, ModelViewSet):
    queryset = Order.objects.select_related("created_by", "updated_by").prefetch_related(
        "lines", "taxes"
    )
    serializer_class = OrderSerializer

"""Viewsets as the framework's own guide writes them."""

import django_filters
from plain_drf.models import Order, Product
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


class ProductViewSet(Stamped, ModelViewSet):
    queryset = Product.objects.select_related(
        "category", "created_by", "updated_by"
    ).prefetch_related("tags")
    serializer_class = ProductSerializer
    filterset_class = ProductFilter
    search_fields = ["name", "description", "sku"]
    ordering_fields = ["created_at", "updated_at", "price", "name", "average_rating", "total_sales"]

    def get_serializer_class(self):
        return ProductListSerializer if self.action == "list" else ProductSerializer


class OrderViewSet(Stamped, ModelViewSet):
    queryset = Order.objects.select_related("created_by", "updated_by").prefetch_related(
        "lines", "taxes"
    )
    serializer_class = OrderSerializer

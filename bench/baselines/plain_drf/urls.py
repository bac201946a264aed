"""The routes that are measured."""

from django.urls import include, path
from rest_framework.routers import DefaultRouter

from plain_drf.views import OrderViewSet, ProductViewSet

router = DefaultRouter()
router.register("products", ProductViewSet)
router.register("orders", OrderViewSet)
urlpatterns = [path("api/v1/", include(router.urls))]

"""The routes that are measured."""

from django.urls import include, path
from plain_drf.views import OrderViewSet, ProductViewSet
from rest_framework.routers import DefaultRouter

router = DefaultRouter()
router.register("products", ProductViewSet)
router.register("orders", OrderViewSet)
urlpatterns = [path("api/v1/", include(router.urls))]

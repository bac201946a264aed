"""The catalogue's routes."""

from noren.catalog import views
from noren_kit.api.routers import ResourceRouter

router = ResourceRouter()
router.resource("products", views.ProductViewSet)
router.resource("products/<product>/variants", views.VariantViewSet)
router.resource("products/<product>/reviews", views.ReviewViewSet)
router.resource("categories", views.CategoryViewSet)
router.resource("brands", views.BrandViewSet)
router.resource("suppliers", views.SupplierViewSet)
router.resource("tags", views.TagViewSet)
router.resource("tax-classes", views.TaxClassViewSet)
urlpatterns = router.urls

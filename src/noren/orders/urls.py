"""The routes of customers and orders."""

from noren.orders import views
from noren_kit.api.routers import ResourceRouter

router = ResourceRouter()
router.resource("customers", views.CustomerViewSet)
router.resource("orders", views.OrderViewSet)
router.resource("reservations", views.ReservationViewSet)
urlpatterns = router.urls

"""Every route of the installation."""

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("noren.catalog.urls")),
    path("api/v1/", include("noren.orders.urls")),
    path("", include("noren_kit.endpoints.urls")),
]

handler400 = "noren_kit.api.envelope.bad_request"
handler403 = "noren_kit.api.envelope.permission_denied"
handler404 = "noren_kit.api.envelope.page_not_found"
handler500 = "noren_kit.api.envelope.server_error"

"""The library's routes, and the kit's own."""

from django.urls import include, path

from noren_kit.api.routers import ResourceRouter
from toy.library.views import AuthorViewSet, BookViewSet

router = ResourceRouter()
router.resource("authors", AuthorViewSet)
router.resource("books", BookViewSet)

urlpatterns = [
    path("api/v1/", include(router.urls)),
    path("", include("noren_kit.endpoints.urls")),
]

handler400 = "noren_kit.api.envelope.bad_request"
handler403 = "noren_kit.api.envelope.permission_denied"
handler404 = "noren_kit.api.envelope.page_not_found"
handler500 = "noren_kit.api.envelope.server_error"

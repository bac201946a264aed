"""The kit's own routes: sign-in, probes, the schema and its pages."""

from django.urls import include, path
from drf_spectacular.views import SpectacularSwaggerSplitView

from noren_kit.endpoints.schema import SchemaView
from noren_kit.observability import health

urlpatterns = [
    path("api/auth/", include("noren_kit.endpoints.auth.urls")),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("health/", health.ready, name="health"),
    path("health/live/", health.live, name="health-live"),
    path("health/ready/", health.ready, name="health-ready"),
]

"""The kit's own routes: sign-in, probes, the schema and its pages."""

from django.urls import path
from drf_spectacular.views import SpectacularSwaggerSplitView

from noren_kit.endpoints import sign_in
from noren_kit.endpoints.schema import SchemaView
from noren_kit.observability import health

urlpatterns = [
    path("api/auth/token/", sign_in.SignInView.as_view(), name="token"),
    path("api/auth/token/refresh/", sign_in.RefreshView.as_view(), name="token-refresh"),
    path("api/auth/me/", sign_in.MeView.as_view(), name="me"),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("health/", health.ready, name="health"),
    path("health/live/", health.live, name="health-live"),
    path("health/ready/", health.ready, name="health-ready"),
]

"""The kit's own routes: sign-in, management, probes, the schema and its pages."""

from django.urls import include, path

from noren_kit.api.routers import ResourceRouter
from noren_kit.endpoints.access_log import AccessEntryViewSet
from noren_kit.endpoints.api_keys import ApiKeyViewSet
from noren_kit.endpoints.audit import ChangeViewSet
from noren_kit.endpoints.health import full
from noren_kit.endpoints.media import media
from noren_kit.endpoints.members import MemberViewSet
from noren_kit.endpoints.roles import RoleViewSet
from noren_kit.endpoints.schema import DocumentationView, SchemaView
from noren_kit.endpoints.tenants import SettingsView, TenantViewSet
from noren_kit.observability import health, scraping

router = ResourceRouter()
router.resource("members", MemberViewSet)
router.resource("roles", RoleViewSet)
router.resource("api-keys", ApiKeyViewSet)
router.resource("tenants", TenantViewSet)
router.resource("audit/access", AccessEntryViewSet)
router.resource("audit", ChangeViewSet)

urlpatterns = [
    path("api/v1/", include(router.urls)),
    path("api/v1/settings/", SettingsView.as_view(), name="settings"),
    path("api/auth/", include("noren_kit.endpoints.auth.urls")),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", DocumentationView.as_view(url_name="schema"), name="docs"),
    path("media/<path:name>", media, name="media"),
    path("health/", full, name="health"),
    path("metrics", scraping.metrics, name="metrics"),
    path("health/live/", health.live, name="health-live"),
    path("health/ready/", health.ready, name="health-ready"),
]

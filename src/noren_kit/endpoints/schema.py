"""The OpenAPI document over HTTP: made once per process, for making it takes a second."""

from __future__ import annotations

from functools import cache
from typing import Any

from csp.decorators import csp_replace
from django.http import HttpResponse
from django.utils import translation
from django.utils.decorators import method_decorator
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from noren_kit.api.viewsets import StrictViewMixin


@cache
def _document(renderer: type[Any]) -> bytes:
    with translation.override("en"):
        document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
        rendered: str | bytes = renderer().render(document, renderer_context={})
    return rendered.encode() if isinstance(rendered, str) else rendered


class SchemaView(StrictViewMixin, APIView):
    """The API in OpenAPI 3.1, as JSON or YAML by content negotiation."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    renderer_classes = [
        OpenApiJsonRenderer2,
        OpenApiJsonRenderer,
        OpenApiYamlRenderer,
        OpenApiYamlRenderer2,
    ]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        renderer: Any = request.accepted_renderer
        kind: Any = type(renderer)
        return HttpResponse(_document(kind), content_type=renderer.media_type)


_OWN = ["'self'"]
# Swagger UI has a `<style>` of its own in the page, and pictures as `data:`.
_policy: Any = csp_replace(
    {
        "script-src": _OWN,
        "style-src": [*_OWN, "'unsafe-inline'"],
        "img-src": [*_OWN, "data:"],
        "connect-src": _OWN,
    }
)


@method_decorator(_policy, name="dispatch")
class DocumentationView(SpectacularSwaggerSplitView):
    """Swagger UI, from our own files, under a policy that lets it run."""

"""The least that a view can do, with and without a credential."""

from __future__ import annotations

from typing import Any

from django.urls import path
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from noren_kit.accounts.permissions import TenantMember
from noren_kit.api.viewsets import StrictViewMixin
from noren_kit.observability import health


class Open(StrictViewMixin, APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        """An empty object, for anybody."""
        return Response({})


class Closed(StrictViewMixin, APIView):
    permission_classes = [TenantMember]

    def get(self, request: Request) -> Response:
        """An empty object, for members."""
        return Response({})


urlpatterns = [
    path("api/open/", Open.as_view()),
    path("api/closed/", Closed.as_view()),
    path("health/ready/", health.ready),
]

"""One line a resource."""

from __future__ import annotations

from typing import Any

from rest_framework.routers import SimpleRouter


class ResourceRouter(SimpleRouter):
    """`router.resource("suppliers", SupplierViewSet)` makes all routes of a resource."""

    def resource(self, path: str, viewset: Any) -> None:
        self.register(path, viewset, basename=path)

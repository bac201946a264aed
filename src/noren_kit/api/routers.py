"""One line a resource."""

from __future__ import annotations

from typing import Any

from rest_framework.routers import SimpleRouter


class ResourceRouter(SimpleRouter):
    """`router.resource("suppliers", SupplierViewSet)` makes all routes of a resource.

    Paths are matched to their very end: `$` in a pattern would let a line feed follow.
    """

    def __init__(self) -> None:
        super().__init__(use_regex_path=False)

    def resource(self, path: str, viewset: Any) -> None:
        self.register(path, viewset, basename=path)

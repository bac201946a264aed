"""One line a resource."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from rest_framework.routers import SimpleRouter


class ResourceRouter(SimpleRouter):
    """`router.resource("suppliers", SupplierViewSet)` makes all routes of a resource.

    One under another names the foreign key to it where the parent's id stands:
    `router.resource("products/<product>/variants", VariantViewSet)`.

    Paths are matched to their very end: `$` in a pattern would let a line feed follow.
    """

    def __init__(self) -> None:
        super().__init__(use_regex_path=False)

    def resource(self, path: str, viewset: Any) -> None:
        """Raises `ImproperlyConfigured` unless the path names the viewset's `parent_field`."""
        expected = [viewset.parent_field] if viewset.parent_field else []
        if re.findall(r"<(\w+)>", path) != expected:
            raise ImproperlyConfigured(f"{path} does not name {viewset.__name__}.parent_field.")
        self.register(path, viewset, basename=path.rpartition(">/")[2])

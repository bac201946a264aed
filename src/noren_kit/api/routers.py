"""One line a resource."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from rest_framework.routers import Route, SimpleRouter

from noren_kit.accounts.permissions import model_of
from noren_kit.api.bulk.offering import offers_bulk

_BULK = Route(
    url="{prefix}/bulk{trailing_slash}",
    mapping={"post": "bulk_create", "patch": "bulk_update", "delete": "bulk_destroy"},
    name="{basename}-bulk",
    detail=False,
    initkwargs={},
)
_RESTORE = Route(
    url="{prefix}/{lookup}/restore{trailing_slash}",
    mapping={"post": "restore"},
    name="{basename}-restore",
    detail=True,
    initkwargs={},
)


class ResourceRouter(SimpleRouter):
    """`router.resource("suppliers", SupplierViewSet)` makes all routes of a resource.

    One under another names the foreign key to it where the parent's id stands:
    `router.resource("products/<product>/variants", VariantViewSet)`.

    Paths are matched to their very end: `$` in a pattern would let a line feed follow.
    """

    def __init__(self) -> None:
        super().__init__(use_regex_path=False)

    def get_routes(self, viewset: Any) -> list[Route]:
        """Those of the framework, and those of the bin and of bulk calls where they are offered.

        Before the details, for `bulk` is no id.
        """
        listed, *others = super().get_routes(viewset)
        made = [listed]
        if offers_bulk(viewset):
            made.append(_BULK)
        if model_of(viewset) is not None and viewset.has_bin():
            made.append(_RESTORE)
        return [*made, *others]

    def resource(self, path: str, viewset: Any) -> None:
        """Raises `ImproperlyConfigured` unless the path names the viewset's `parent_field`."""
        expected = [viewset.parent_field] if viewset.parent_field else []
        if re.findall(r"<(\w+)>", path) != expected:
            raise ImproperlyConfigured(f"{path} does not name {viewset.__name__}.parent_field.")
        self.register(path, viewset, basename=path.rpartition(">/")[2])

"""An instance at hand is shown as the framework shows it, by every serializer of a resource."""

from __future__ import annotations

from typing import Any

import pytest

from noren_kit.api.envelope import dumps
from noren_kit.api.reading import represent
from noren_kit.api.registry import routes
from noren_kit.api.viewsets import ResourceViewSet
from noren_kit.tenancy.checks import is_tenant_model
from noren_kit.tenancy.entering import enter
from noren_kit.testing.filling import fill_tenant
from noren_kit.testing.shops import Shop

SERIALIZERS = sorted(
    {
        serializer
        for route in routes()
        if issubclass(route.view, ResourceViewSet) and is_tenant_model(route.view.resource_model())
        for serializer in (route.view.serializer_class, route.view.list_serializer_class)
        if serializer is not None
    },
    key=lambda serializer: serializer.__name__,
)


@pytest.mark.parametrize("serializer", SERIALIZERS, ids=lambda each: each.__name__)
def test_it_is_shown_as_the_framework_shows_it(serializer: Any, shop: Shop) -> None:
    rows = fill_tenant(shop.tenant.id).rows
    with enter(shop.tenant.id):
        row = serializer.Meta.model.every.get(pk=rows[serializer.Meta.model].pk)
        assert dumps(represent(row, serializer)) == dumps(serializer(row).data)


def test_the_resources_with_rows_within_are_among_them() -> None:
    assert {"OrderSerializer", "ProductDetailSerializer"} <= {s.__name__ for s in SERIALIZERS}

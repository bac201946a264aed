"""What would write many rows otherwise than one does not start."""

from __future__ import annotations

from typing import Any

from noren.catalog.models import Brand
from noren.catalog.views import CategoryViewSet, ProductViewSet
from noren_kit.accounts.permissions import ResourcePermission
from noren_kit.api.checks import bulk_errors, check_bulk
from noren_kit.api.registry import Route
from noren_kit.api.serializers import ResourceSerializer
from noren_kit.api.viewsets import ResourceViewSet


class AloneSerializer(ResourceSerializer):
    class Meta:
        model = Brand
        fields = ["name"]

    def create(self, validated_data: dict[str, Any]) -> Brand:
        return Brand(**validated_data)


class AloneViewSet(ResourceViewSet):
    serializer_class = AloneSerializer


class NotBulkViewSet(AloneViewSet):
    not_bulk = "each is made by hand"


def found(view: Any, *actions: str) -> list[str]:
    route = Route("things/", view, (ResourcePermission,), frozenset(actions))
    return [f"{each.id} {each.msg}" for each in bulk_errors([route, route])]


def test_a_service_for_one_row_has_a_twin_for_many() -> None:
    (error,) = found(AloneViewSet, "create", "bulk_create")
    assert error.startswith("noren.E011")
    assert "AloneSerializer.create is its own and bulk_create is not" in error


def test_what_has_no_bulk_calls_needs_none() -> None:
    assert found(NotBulkViewSet, "create") == []


def test_nothing_of_ours_differs() -> None:
    assert found(ProductViewSet, "bulk_create") == found(CategoryViewSet, "bulk_update") == []
    assert check_bulk(None) == []

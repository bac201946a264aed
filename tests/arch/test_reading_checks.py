"""What would be cached too long does not start; what is read slowly is said aloud."""

from __future__ import annotations

from typing import Any

from django.core.checks import run_checks
from rest_framework import serializers

from noren.catalog.models import Brand
from noren.catalog.views import ProductViewSet
from noren.catalog.views.filters import ProductFilterSet
from noren_kit.accounts.permissions import ResourcePermission
from noren_kit.api.checks import check_reading, reading_messages
from noren_kit.api.registry import Route
from noren_kit.api.serializers import ResourceSerializer
from noren_kit.api.viewsets import ResourceViewSet


class Unstated(ProductFilterSet):
    reads: dict[str, list[str]] = {"category": ["category"]}


class UnstatedViewSet(ProductViewSet):
    filterset_class = Unstated


class ShoutedSerializer(ResourceSerializer):
    shouted = serializers.SerializerMethodField()

    class Meta:
        model = Brand
        fields = ["name", "shouted"]

    def get_shouted(self, brand: Brand) -> str:
        return brand.name.upper()


class ShoutedViewSet(ResourceViewSet):
    serializer_class = ShoutedSerializer


def said(view: Any) -> list[str]:
    route = Route("things/", view, (ResourcePermission,), frozenset({"list"}))
    return [f"{each.id} {each.msg}" for each in reading_messages([route, route])]


def test_a_filter_by_a_method_states_what_it_reads() -> None:
    missing = {"availability_status", "is_active", "tags"}
    assert {each.partition(" filters ")[2].split()[0] for each in said(UnstatedViewSet)} == missing
    assert all(each.startswith("noren.E009") for each in said(UnstatedViewSet))


def test_a_serializer_that_is_not_compiled_is_a_warning() -> None:
    (warning,) = said(ShoutedViewSet)
    assert warning.startswith("noren.W001")
    assert "ShoutedSerializer, which is not compiled: shouted reads the row" in warning


def test_nothing_of_ours_is_read_slowly() -> None:
    assert said(ProductViewSet) == []
    assert check_reading(None) == []
    assert not [each for each in run_checks(tags=["reading"]) if each.id == "noren.W001"]

"""How many products there are of each kind."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from noren.catalog.queries import Facets
from noren.inventory.queries import AVAILABILITIES
from noren_kit.api.fields import AmountField


class _NamedCount(serializers.Serializer):
    name = serializers.CharField()
    count = serializers.IntegerField(min_value=1)


class FacetSerializer(_NamedCount):
    """A category or a brand."""

    id = serializers.UUIDField()


class TagFacetSerializer(_NamedCount):
    """A tag."""


class AvailabilityFacetSerializer(serializers.Serializer):
    """A state of the stock."""

    value = serializers.ChoiceField(choices=AVAILABILITIES)
    count = serializers.IntegerField(min_value=1)


class PriceBandSerializer(serializers.Serializer):
    """Prices from `from` and below `to`."""

    to = AmountField(source="high")
    count = serializers.IntegerField(min_value=0)

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python's, so it can't be declared by its name."""
        return {"from": AmountField(source="low"), **super().get_fields()}


class FacetsSerializer(serializers.Serializer):
    """Products counted by what they are sorted by."""

    count = serializers.IntegerField(min_value=0)
    category = FacetSerializer(many=True)
    brand = FacetSerializer(many=True)
    tags = TagFacetSerializer(many=True)
    price = PriceBandSerializer(many=True)
    availability_status = AvailabilityFacetSerializer(many=True)

    def to_representation(self, instance: Facets) -> dict[str, Any]:
        found = instance.values

        def named(facet: str) -> list[dict[str, Any]]:
            rows = found.get(facet, [])
            return [{"id": key, "name": name, "count": count} for key, name, count in rows]

        shown: dict[str, Any] = super().to_representation(
            {
                "count": instance.count,
                "category": named("category"),
                "brand": named("brand"),
                "tags": named("tags"),
                "price": instance.price,
                "availability_status": [
                    {"value": key, "count": count}
                    for key, _name, count in found.get("availability_status", [])
                ],
            }
        )
        return shown

"""Tax classes."""

from __future__ import annotations

from noren.catalog.serializers import TaxClassSerializer, TaxClassWriteSerializer
from noren_kit.api.viewsets import ResourceViewSet


class TaxClassViewSet(ResourceViewSet):
    """What a kind of goods is taxed at, by date."""

    serializer_class = TaxClassSerializer
    write_serializer_class = TaxClassWriteSerializer
    search_fields, ordering_fields = ["code", "name"], ["code", "name"]
    not_bulk = "each brings the categories that follow it to its rates of the day"

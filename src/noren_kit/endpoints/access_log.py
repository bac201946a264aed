"""`/api/v1/audit/access/`: who came in, who was refused, who was given which right."""

from __future__ import annotations

import django_filters

from noren_kit.api.changes import EntryActorSerializer, entry_actor
from noren_kit.api.fields import ComputedField
from noren_kit.api.filters import ChoiceFilter, IdFilter, InstantFilter
from noren_kit.api.serializers import ResourceSerializer
from noren_kit.api.viewsets import ResourceViewSet
from noren_kit.audit.models import AccessEntry


class AccessEntrySerializer(ResourceSerializer):
    actor = ComputedField(
        entry_actor,
        reads=["actor_id", "actor_name"],
        shown_as=EntryActorSerializer(allow_null=True),
    )

    class Meta:
        model = AccessEntry
        fields = [
            "kind",
            "occurred_at",
            "actor",
            "credential_id",
            "address",
            "request_id",
            "details",
        ]


class AccessFilterSet(django_filters.FilterSet):
    kind = ChoiceFilter(choices=AccessEntry.Kind.choices)
    actor_id = IdFilter()
    occurred_after = InstantFilter(field_name="occurred_at", lookup_expr="gte")
    occurred_before = InstantFilter(field_name="occurred_at", lookup_expr="lt")


class AccessEntryViewSet(ResourceViewSet):
    """The tenant's log of access, for managers and owners; nobody can change it."""

    serializer_class = AccessEntrySerializer
    filterset_class = AccessFilterSet
    ordering = ("-occurred_at",)
    http_method_names = ["get", "head"]

    @classmethod
    def orderings(cls) -> list[str]:
        return ["occurred_at"]

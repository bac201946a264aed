"""Reviews: a resource of their own, and the newest of them inside their product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import Q
from rest_framework import serializers

from noren.catalog.models import Review
from noren.catalog.services import (
    create_review,
    create_reviews,
    update_review,
    update_reviews,
)
from noren_kit.api.fields import ComputedField, PersonField, QuantityField
from noren_kit.api.serializers import ResourceSerializer

RECENT = 5


def reviewer_name(name: str | None, username: str | None, given: str) -> str:
    """The name of the member who wrote a review, else the one it came with from outside."""
    return name or username or given


class _Shown(serializers.Serializer):
    """Who wrote a review, also where it was nobody of the tenant."""

    reviewer_name = ComputedField(
        reviewer_name,
        reads=["reviewer.name", "reviewer.username", "reviewer_name"],
        shown_as=serializers.CharField(),
    )


class ReviewSerializer(_Shown, ResourceSerializer):
    """A rating from 1 to 5, in words if its author likes."""

    reviewer = PersonField()
    rating = QuantityField(min_value=1, max_value=5)

    class Meta:
        model = Review
        fields = ["product", "reviewer", "reviewer_name", "rating", "title", "comment", "status"]
        read_only_fields = ["product", "status"]

    def create(self, validated_data: dict[str, Any]) -> Review:
        product = validated_data.pop("product")
        return create_review(product=product, values=validated_data)

    def update(self, instance: Review, validated_data: dict[str, Any]) -> Review:
        return update_review(review=instance, values=validated_data)

    def bulk_create(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        return create_reviews(rows=rows)

    def bulk_update(self, changes: Sequence[tuple[Any, dict[str, Any]]]) -> list[Any]:
        return update_reviews(changes=changes)


class RecentReviewSerializer(_Shown, serializers.ModelSerializer):
    """An approved review, as its product shows it."""

    class Meta:
        model = Review
        fields = ["id", "reviewer_name", "rating", "title", "comment", "created_at"]
        shown = Q(status=Review.Status.APPROVED)
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        most = RECENT

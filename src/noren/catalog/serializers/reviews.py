"""Reviews: a resource of their own, and the newest of them inside their product."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Q
from rest_framework import serializers

from noren.catalog.models import Review
from noren.catalog.services import create_review, update_review
from noren_kit.api.fields import PersonField, QuantityField, computed
from noren_kit.api.serializers import ComputedField, ResourceSerializer

RECENT = 5


class _Shown(serializers.Serializer):
    """Who wrote a review, also where it was nobody of the tenant."""

    reviewer_name = ComputedField()

    @computed(["reviewer"], serializers.CharField())
    def get_reviewer_name(self, review: Review) -> str:
        return review.reviewer.display_name if review.reviewer else review.reviewer_name


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


class RecentReviewSerializer(_Shown, serializers.ModelSerializer):
    """An approved review, as its product shows it."""

    class Meta:
        model = Review
        fields = ["id", "reviewer_name", "rating", "title", "comment", "created_at"]
        shown = Q(status=Review.Status.APPROVED)
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        most = RECENT

"""Reviews of a product, and their moderation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from noren.catalog.models import Review
from noren.catalog.serializers import ReviewSerializer
from noren.catalog.services import (
    MODERATE,
    OwnReviews,
    delete_review,
    delete_reviews,
    moderate_review,
    restore_review,
)
from noren_kit.api.bulk.views import refuse_staying
from noren_kit.api.filters import ChoiceFilter, ResourceFilterSet
from noren_kit.api.viewsets import ResourceViewSet


class ReviewFilterSet(ResourceFilterSet):
    status = ChoiceFilter(choices=Review.Status.choices)
    rating = ChoiceFilter(choices=[(str(stars), str(stars)) for stars in range(1, 6)])

    class Meta:
        model = Review
        fields: list[str] = []


class ReviewViewSet(ResourceViewSet):
    """One review for each member and product. It is seen by others once a moderator approves it."""

    parent_field = "product"
    serializer_class = ReviewSerializer
    filterset_class = ReviewFilterSet
    search_fields, ordering_fields = ["title", "comment"], ["rating"]
    action_rights = {"approve": MODERATE, "reject": MODERATE}
    row_rules = [OwnReviews()]
    bodiless_actions = ("destroy", "approve", "reject")

    def perform_destroy(self, row: Review) -> None:
        delete_review(review=row)

    def perform_bulk_destroy(self, rows: Sequence[Review]) -> None:
        refuse_staying(rows, delete_reviews(reviews=rows))

    def perform_restore(self, row: Review) -> None:
        restore_review(review=row)

    @extend_schema(request=None, responses=ReviewSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, **kwargs: Any) -> Response:
        """Let everybody see the review, and count it."""
        return self._moderate(Review.Status.APPROVED)

    @extend_schema(request=None, responses=ReviewSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, **kwargs: Any) -> Response:
        """Keep the review from others; its author still sees it."""
        return self._moderate(Review.Status.REJECTED)

    def _moderate(self, status: str) -> Response:
        return self.respond(moderate_review(review=self.get_object(), status=status).pk)

"""Reviews: who wrote them, who lets them be seen, and what their product shows of them.

A product's counters follow each change in the same transaction. The product's row is written
last and by one relative update, so that reviewers and moderators at once wait for each other for
a moment only, and all count (docs/guides/variants-and-reviews.md).
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Q, QuerySet

from noren.catalog.models import Product, Review
from noren.catalog.services.counters import count_review
from noren_kit.accounts.rights import may, own
from noren_kit.accounts.row_rules import RowRule
from noren_kit.core import context
from noren_kit.core.errors import NotFound
from noren_kit.softdelete.deleting import soft_delete

MODERATE = "catalog.manage_review"
_VIEW, _ADD, _CHANGE, _DELETE = (
    f"catalog.{verb}_review" for verb in ("view", "add", "change", "delete")
)


class OwnReviews(RowRule):
    """Approved reviews are seen by all who view reviews, others by their author and moderators.

    Nobody changes what another wrote; deleting another's takes the right to delete any.
    """

    shared: ClassVar[Q] = Q(status=Review.Status.APPROVED)
    reads = ("reviewer", "status")

    def least(self, right: str, model: Any) -> str:
        return own(right) if right in (_VIEW, _ADD, _CHANGE, _DELETE) else right

    def readable(self, queryset: QuerySet[Any], right: str | None) -> QuerySet[Any] | None:
        if may(MODERATE) or (right == _DELETE and may(_DELETE)):
            return None
        mine = Q(reviewer=context.actor_id())
        return queryset.filter(mine | self.shared if may(_VIEW) else mine)

    def writable(self, queryset: QuerySet[Any], right: str) -> QuerySet[Any] | None:
        if right in (_ADD, MODERATE) or (right == _DELETE and may(_DELETE)):
            return None
        return queryset.filter(reviewer=context.actor_id())


def _lock(review: Review) -> Review:
    locked: Review | None = (
        Review.objects.select_for_update(no_key=True, of=("self",)).filter(id=review.id).first()
    )
    if locked is None:
        raise NotFound
    return locked


def _save(review: Review, **values: Any) -> Review:
    """Write a locked review and count the difference."""
    before = review.rating if review.counts else 0
    for name, value in values.items():
        setattr(review, name, value)
    review.save(update_fields=[*values, "updated_at", "updated_by"])
    after = review.rating if review.counts else 0
    count_review(review.product_id, reviews=bool(after) - bool(before), rating=after - before)
    return review


def create_review(*, product: Product, values: dict[str, Any]) -> Review:
    """A review by the acting member, which waits for a moderator.

    A second one of the same product is refused by the database.
    """
    actor = context.actor()
    review: Review = Review.objects.create(
        product=product,
        reviewer_id=actor.user_id if actor else None,
        reviewer_name=actor.name if actor else "",
        **values,
    )
    return review


def update_review(*, review: Review, values: dict[str, Any]) -> Review:
    """Change a review; unless its author moderates, it waits for a moderator again."""
    if context.actor() is not None and not may(MODERATE):
        values = {**values, "status": Review.Status.PENDING}
    return _save(_lock(review), **values)


def moderate_review(*, review: Review, status: str) -> Review:
    """Let a review be seen (`approved`) or not (`rejected`); repeating it changes nothing."""
    locked = _lock(review)
    return locked if locked.status == status else _save(locked, status=status)


def delete_review(*, review: Review) -> None:
    """Delete a review; raises `NotFound` if it is gone."""
    locked = _lock(review)
    soft_delete(locked)
    if locked.counts:
        count_review(locked.product_id, reviews=-1, rating=-locked.rating)

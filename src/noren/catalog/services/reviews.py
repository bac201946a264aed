"""Reviews: who wrote them, who lets them be seen, and what their product shows of them.

A product's counters follow each change in the same transaction. The product's row is written
last and by one relative update, so that reviewers and moderators at once wait for each other for
a moment only, and all count (docs/guides/variants-and-reviews.md).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django.db.models import Q, QuerySet

from noren.catalog.models import Product, Review
from noren.catalog.services.counters import count_review
from noren_kit.accounts.rights import may, own
from noren_kit.accounts.row_rules import RowRule
from noren_kit.core import context
from noren_kit.core.errors import AppError, Duplicate, NotFound, RowFaults, faults_of
from noren_kit.db.rows import update_rows
from noren_kit.softdelete.deleting import soft_delete, soft_delete_all
from noren_kit.softdelete.restoring import restore

MODERATE = "catalog.manage_review"
_VIEW, _ADD, _CHANGE, _DELETE, _RESTORE = (
    f"catalog.{verb}_review" for verb in ("view", "add", "change", "delete", "restore")
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
        if may(MODERATE) or (right in (_DELETE, _RESTORE) and may(right)):
            return None
        mine = Q(reviewer=context.actor_id())
        return queryset.filter(mine | self.shared if may(_VIEW) else mine)

    def writable(self, queryset: QuerySet[Any], right: str) -> QuerySet[Any] | None:
        if right in (_ADD, MODERATE) or (right in (_DELETE, _RESTORE) and may(right)):
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
    before = _counted([review])
    for name, value in values.items():
        setattr(review, name, value)
    review.save(update_fields=[*values, "updated_at", "updated_by"])
    _count(before, _counted([review]))
    return review


_Counted = dict[uuid.UUID, tuple[int, int]]


def _counted(reviews: Iterable[Review]) -> _Counted:
    """How many of these reviews count and the sum of their ratings, by product."""
    found: _Counted = {}
    for review in reviews:
        number, total = found.get(review.product_id, (0, 0))
        counts = bool(review.counts)
        found[review.product_id] = (number + counts, total + counts * review.rating)
    return found


def _count(before: _Counted, after: _Counted) -> None:
    """Write the difference to the products' counters: one statement each, in a fixed order."""
    for product in sorted({*before, *after}):
        was, now = before.get(product, (0, 0)), after.get(product, (0, 0))
        count_review(product, reviews=now[0] - was[0], rating=now[1] - was[1])


def create_review(*, product: Product, values: dict[str, Any]) -> Review:
    """A review by the acting member, which waits for a moderator.

    A second one of the same product is refused by the database.
    """
    review: Review = Review.objects.create(product=product, **_author(), **values)
    return review


def _author() -> dict[str, Any]:
    actor = context.actor()
    return {
        "reviewer_id": actor.user_id if actor else None,
        "reviewer_name": actor.name if actor else "",
    }


def create_reviews(*, rows: Sequence[dict[str, Any]]) -> list[Review]:
    """Reviews of one product by the acting member, of whom only the first can be the first.

    Raises `RowFaults` for every other, and for that one too where there is a review already.
    """
    author, product = _author(), rows[0]["product"]
    taken = Review.objects.filter(product=product, reviewer_id=author["reviewer_id"])
    first = 0 if taken.exists() else 1
    if rows[first:]:
        raise RowFaults({at: faults_of(Duplicate()) for at in range(first, len(rows))})
    made: list[Review] = Review.objects.bulk_create([Review(**author, **values) for values in rows])
    return made


def update_review(*, review: Review, values: dict[str, Any]) -> Review:
    """Change a review; unless its author moderates, it waits for a moderator again."""
    if context.actor() is not None and not may(MODERATE):
        values = {**values, "status": Review.Status.PENDING}
    return _save(_lock(review), **values)


def update_reviews(*, changes: Sequence[tuple[Review, dict[str, Any]]]) -> list[Review]:
    """Change locked reviews of one product as `update_review` changes one."""
    waits = context.actor() is not None and not may(MODERATE)
    reviews = [review for review, _values in changes]
    before = _counted(reviews)
    written = {"status"} if waits else set()
    for review, values in changes:
        for name, value in values.items():
            setattr(review, name, value)
        if waits:
            review.status = Review.Status.PENDING
        written |= set(values)
    update_rows(reviews, written)
    _count(before, _counted(reviews))
    return reviews


def moderate_review(*, review: Review, status: str) -> Review:
    """Let a review be seen (`approved`) or not (`rejected`); repeating it changes nothing."""
    locked = _lock(review)
    return locked if locked.status == status else _save(locked, status=status)


def delete_review(*, review: Review) -> None:
    """Delete a review; raises `NotFound` if it is gone."""
    locked = _lock(review)
    soft_delete(locked)
    _count(_counted([locked]), {})


def delete_reviews(*, reviews: Sequence[Review]) -> dict[uuid.UUID, AppError]:
    """Delete locked reviews of one product; returns why some stay, by id."""
    refused = soft_delete_all(Review, [review.pk for review in reviews])
    _count(_counted(review for review in reviews if review.pk not in refused), {})
    return refused


def restore_review(*, review: Review) -> None:
    """Bring a review back from the bin, and count it again."""
    restore(review)
    _count({}, _counted([Review.objects.get(pk=review.pk)]))

"""What members think of products."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from noren.catalog.models.products import Product
from noren_kit.db.constraints import unique_in_tenant
from noren_kit.db.fields import TenantForeignKey
from noren_kit.search.indexing import NAME, TEXT, Searched
from noren_kit.tenancy.models import TenantModel


class Review(TenantModel):
    """A member's rating of a product, from 1 to 5, one for each product.

    `reviewer` is null where the review came from outside; `reviewer_name` then says who it was.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")

    product = TenantForeignKey(Product, on_delete=models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
    )
    reviewer_name = models.CharField(max_length=200, blank=True, editable=False)
    rating = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    title = models.CharField(max_length=200, blank=True)
    comment = models.TextField(blank=True, max_length=5_000)
    status = models.CharField(
        max_length=16, choices=Status.choices, default=Status.PENDING, editable=False
    )

    class Meta(TenantModel.Meta):
        constraints = [
            unique_in_tenant("product", "reviewer"),
            Searched(fields={"title": NAME, "comment": TEXT}),
            models.CheckConstraint(
                condition=Q(rating__gte=1, rating__lte=5), name="catalog_review_rating"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "product", "-created_at"], name="catalog_review_newest")
        ]

    def __str__(self) -> str:
        return f"{self.rating} {self.product_id}"

    @property
    def counts(self) -> bool:
        """Whether the product's counters include it."""
        return self.status == self.Status.APPROVED and self.deleted_at is None

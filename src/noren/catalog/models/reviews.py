"""What members think of products."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from noren.catalog.models.products import Product
from noren_kit.db.fields import TenantForeignKey
from noren_kit.tenancy.models import TenantModel


class Review(TenantModel):
    """One reviewer's rating of a product, from 1 to 5."""

    product = TenantForeignKey(Product, on_delete=models.CASCADE, related_name="reviews")
    reviewer_name = models.CharField(max_length=200)
    rating = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    comment = models.TextField(blank=True, max_length=5_000)

    class Meta(TenantModel.Meta):
        constraints = [
            models.CheckConstraint(
                condition=Q(rating__gte=1, rating__lte=5), name="catalog_review_rating"
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "product", "-created_at"], name="catalog_review_newest")
        ]

    def __str__(self) -> str:
        return f"{self.rating} {self.product_id}"

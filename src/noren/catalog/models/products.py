"""Products: what is sold, at what price; the quantity is inventory's."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from noren.catalog.models.classification import Brand, Category, Supplier, Tag
from noren_kit.db.claims import ClaimsValue
from noren_kit.db.constraints import unique_in_tenant
from noren_kit.db.fields import MoneyField, RatingField, TenantForeignKey
from noren_kit.search.indexing import CODE, NAME, TEXT, Searched
from noren_kit.tenancy.models import TenantModel, TenantRow

PRICE_MIN = Decimal("0.01")
PRICE_MAX = Decimal("99999999.99")


class ClaimedSku(TenantRow):
    """A sku in use, written by the database itself; `id` is that of its product or variant."""

    unrecorded = "Follows from the sku of a product or variant."

    sku = models.CharField(max_length=50)

    class Meta(TenantRow.Meta):
        constraints = [unique_in_tenant("sku", among_live=False)]

    def __str__(self) -> str:
        return self.sku


def claims_sku(model: str) -> ClaimsValue:
    """A sku names one thing in a warehouse, be it a product or a variant (ADR 0011)."""
    table = ClaimedSku._meta.db_table
    return ClaimsValue(name=f"catalog_{model}_sku_claim", field="sku", claims=table)


class Product(TenantModel):
    """An article on sale. What it sold is counted by its stock item, in its variants' name too."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        ACTIVE = "active", _("active")
        ARCHIVED = "archived", _("archived")

    derived = ("review_count", "rating_sum", "average_rating")

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, max_length=10_000)
    sku = models.CharField(max_length=50)
    price = MoneyField(validators=[MinValueValidator(PRICE_MIN), MaxValueValidator(PRICE_MAX)])
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.DRAFT)
    category = TenantForeignKey(Category, related_name="products")
    brand = TenantForeignKey(Brand, null=True, blank=True, related_name="products")
    supplier = TenantForeignKey(Supplier, null=True, blank=True, related_name="products")
    tags = models.ManyToManyField(Tag, through="ProductTag", related_name="products")
    stock_item = TenantForeignKey("inventory.StockItem", editable=False, related_name="+")
    image = models.CharField(max_length=500, blank=True, editable=False)
    review_count = models.PositiveIntegerField(default=0, editable=False)
    average_rating = RatingField(default=Decimal(0), editable=False)
    # Of the reviews that count, so that their mean follows by whole numbers.
    rating_sum = models.PositiveBigIntegerField(default=0, editable=False)

    class Meta(TenantModel.Meta):
        constraints = [
            unique_in_tenant("sku"),
            claims_sku("product"),
            Searched(fields={"sku": CODE, "name": NAME, "description": TEXT}),
            unique_in_tenant("stock_item", among_live=False),
            models.CheckConstraint(
                condition=Q(price__gte=PRICE_MIN, price__lte=PRICE_MAX),
                name="catalog_product_price",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", order, "id"],
                condition=Q(deleted_at__isnull=True),
                name=f"catalog_product_{order}",
            )
            for order in (
                "created_at",
                "updated_at",
                "price",
                "name",
                "average_rating",
            )
        ] + [
            # A status, category or brand whose products are few, or all old, is no walk through
            # everything that is newer.
            models.Index(
                fields=["tenant", filtered, "created_at", "id"],
                condition=Q(deleted_at__isnull=True),
                name=f"catalog_product_{filtered}",
            )
            for filtered in ("status", "category", "brand")
        ]

    def __str__(self) -> str:
        return f"{self.sku} {self.name}"

    @property
    def is_active(self) -> bool:
        return self.status == self.Status.ACTIVE


class ProductTag(TenantRow):
    """A tag on a product."""

    revises = "catalog_product"

    product = TenantForeignKey(Product, on_delete=models.CASCADE, related_name="tag_links")
    tag = TenantForeignKey(Tag, on_delete=models.CASCADE, related_name="product_links")

    class Meta(TenantRow.Meta):
        constraints = [unique_in_tenant("product", "tag", among_live=False)]

    def __str__(self) -> str:
        return f"{self.product_id}: {self.tag_id}"

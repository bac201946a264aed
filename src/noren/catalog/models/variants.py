"""Variants: one product in several sizes or colours, each with a sku and a stock of its own."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from noren.catalog.models.products import PRICE_MAX, PRICE_MIN, Product, claims_sku
from noren_kit.db.constraints import unique_in_tenant
from noren_kit.db.fields import MoneyField, TenantForeignKey
from noren_kit.search.indexing import CODE, NAME, Searched
from noren_kit.tenancy.models import TenantModel


class Variant(TenantModel):
    """A product in one of its forms; part of the product, and deleted with it.

    `price` is null where the product's own holds. `options` says what tells it from the others:
    `{"size": "M"}`.
    """

    product = TenantForeignKey(Product, on_delete=models.CASCADE, related_name="variants")
    name = models.CharField(max_length=200)
    sku = models.CharField(max_length=50)
    price = MoneyField(
        null=True,
        blank=True,
        validators=[MinValueValidator(PRICE_MIN), MaxValueValidator(PRICE_MAX)],
    )
    is_active = models.BooleanField(default=True)
    options = models.JSONField(default=dict, blank=True)
    stock_item = TenantForeignKey("inventory.StockItem", editable=False, related_name="+")

    class Meta(TenantModel.Meta):
        constraints = [
            unique_in_tenant("sku"),
            claims_sku("variant"),
            Searched(fields={"sku": CODE, "name": NAME}),
            unique_in_tenant("stock_item", among_live=False),
            models.CheckConstraint(
                condition=Q(price__isnull=True) | Q(price__gte=PRICE_MIN, price__lte=PRICE_MAX),
                name="catalog_variant_price",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sku} {self.name}"

    @property
    def effective_price(self) -> Decimal:
        """What one pays: its own price, or else that of its product."""
        return self.product.price if self.price is None else self.price

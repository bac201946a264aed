"""Tax classes: what a kind of goods is taxed at, and from when on."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from noren_kit.db.constraints import unique_in_tenant
from noren_kit.db.fields import TenantForeignKey
from noren_kit.search.indexing import CODE, NAME, Searched
from noren_kit.tenancy.models import TenantModel, TenantRow


class TaxClass(TenantModel):
    """Goods that are taxed alike, such as those at a country's reduced rate."""

    code = models.SlugField()
    name = models.CharField(max_length=200)

    class Meta(TenantModel.Meta):
        constraints = [unique_in_tenant("code"), Searched(fields={"code": CODE, "name": NAME})]

    def __str__(self) -> str:
        return self.name


class TaxRate(TenantRow):
    """The rate of a class from a day on, in the tenant's time zone, until the next one's."""

    revises = "catalog_taxclass"

    tax_class = TenantForeignKey(TaxClass, on_delete=models.CASCADE, related_name="rates")
    valid_from = models.DateField()
    rate = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("Per cent."),
    )

    class Meta(TenantRow.Meta):
        ordering = ["valid_from"]
        constraints = [
            unique_in_tenant("tax_class", "valid_from", among_live=False),
            models.CheckConstraint(
                condition=Q(rate__gte=0, rate__lte=100), name="catalog_taxrate_rate"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rate} % from {self.valid_from}"

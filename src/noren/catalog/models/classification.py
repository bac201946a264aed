"""What products are sorted by: categories, brands, suppliers, tags."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from noren.catalog.models.taxes import TaxClass
from noren_kit.db.constraints import unique_in_tenant
from noren_kit.db.fields import TenantForeignKey
from noren_kit.search.indexing import CODE, NAME, Searched
from noren_kit.tenancy.models import TenantModel


class Category(TenantModel):
    """A node of the tenant's tree of goods; its tax rate is that of its products.

    With a tax class, `tax_rate` is what the class says today, as it was last brought up to date;
    orders ask the class itself.
    """

    name = models.CharField(max_length=200)
    parent = TenantForeignKey("self", null=True, blank=True, related_name="children")
    tax_class = TenantForeignKey(TaxClass, null=True, blank=True, related_name="categories")
    tax_rate = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("Per cent."),
    )
    requires_approval = models.BooleanField(default=False)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "parent", "name"],
                condition=Q(deleted_at__isnull=True),
                nulls_distinct=False,
                name="catalog_category_parent_name",
            ),
            models.CheckConstraint(
                condition=Q(tax_rate__gte=0, tax_rate__lte=100),
                name="catalog_category_tax_rate",
            ),
            Searched(fields={"name": NAME}),
        ]

    def __str__(self) -> str:
        return self.name


class Brand(TenantModel):
    """A maker's name on goods."""

    name = models.CharField(max_length=200)

    class Meta(TenantModel.Meta):
        constraints = [unique_in_tenant("name"), Searched(fields={"name": NAME})]

    def __str__(self) -> str:
        return self.name


class Supplier(TenantModel):
    """A company that goods are bought from."""

    code = models.SlugField()
    name = models.CharField(max_length=200)

    class Meta(TenantModel.Meta):
        constraints = [unique_in_tenant("code"), Searched(fields={"code": CODE, "name": NAME})]

    def __str__(self) -> str:
        return self.name


class Tag(TenantModel):
    """A free word on products; made when first used."""

    name = models.CharField(max_length=50)

    class Meta(TenantModel.Meta):
        constraints = [unique_in_tenant("name"), Searched(fields={"name": NAME})]

    def __str__(self) -> str:
        return self.name

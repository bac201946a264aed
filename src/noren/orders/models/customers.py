"""Who orders."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from noren_kit.search.indexing import NAME, TEXT, Searched
from noren_kit.tenancy.models import TenantModel


class Customer(TenantModel):
    """A person or a company that buys; `external_id` is its name in the system it came from."""

    name = models.CharField(max_length=200)
    email = models.EmailField(blank=True)
    company = models.CharField(max_length=200, blank=True)
    tax_number = models.CharField(max_length=50, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    external_id = models.CharField(max_length=100, null=True, editable=False)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "external_id"],
                condition=Q(deleted_at__isnull=True, external_id__isnull=False),
                name="orders_customer_external_id",
            ),
            Searched(fields={"name": NAME, "email": TEXT, "company": TEXT}),
        ]
        indexes = [
            models.Index(fields=["tenant", "created_at", "id"], name="orders_customer_created_at"),
            models.Index(fields=["tenant", "name", "id"], name="orders_customer_name"),
        ]

    def __str__(self) -> str:
        return self.name

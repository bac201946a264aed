"""Authors and their books: as far from a shop as a tenant's data can be."""

from __future__ import annotations

from django.db import models

from noren_kit.db.constraints import unique_in_tenant
from noren_kit.db.fields import TenantForeignKey
from noren_kit.tenancy.models import TenantModel


class Author(TenantModel):
    name = models.CharField(max_length=100)

    class Meta(TenantModel.Meta):
        constraints = [unique_in_tenant("name")]

    def __str__(self) -> str:
        return self.name


class Book(TenantModel):
    title = models.CharField(max_length=200)
    isbn = models.CharField(max_length=13)
    pages = models.PositiveIntegerField(default=0)
    lent = models.BooleanField(default=False)
    author = TenantForeignKey(Author, related_name="books")

    class Meta(TenantModel.Meta):
        constraints = [unique_in_tenant("isbn")]

    def __str__(self) -> str:
        return self.title

"""Goods kept for somebody who has not ordered yet."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from noren.orders.models.orders import Order
from noren_kit.db.constraints import unique_in_tenant
from noren_kit.db.fields import TenantForeignKey
from noren_kit.tenancy.models import TenantModel, TenantRow


class Reservation(TenantModel):
    """Units held until a moment, for an order that then names the reservation.

    Inventory holds the units; `id` is the holder there.
    """

    class Status(models.TextChoices):
        HELD = "held", _("held")
        USED = "used", _("used")
        RELEASED = "released", _("released")

    # As it was left; one that is held counts no longer once it expires.
    status = models.CharField(
        max_length=16, choices=Status.choices, default=Status.HELD, editable=False
    )
    expires_at = models.DateTimeField(editable=False)
    # Whose it is, in the words of those who reserve: a basket's id, a name.
    reference = models.CharField(max_length=200, blank=True)
    order = TenantForeignKey(Order, null=True, editable=False, related_name="+")

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(
                fields=["tenant", "created_at", "id"], name="orders_reservation_created_at"
            ),
            models.Index(
                fields=["tenant", "expires_at", "id"], name="orders_reservation_expires_at"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} until {self.expires_at:%F %T}"

    @property
    def is_live(self) -> bool:
        return self.status == self.Status.HELD and self.expires_at > timezone.now()


class ReservedLine(TenantRow):
    """Units of one product or variant that are held."""

    revises = "orders_reservation"

    reservation = TenantForeignKey(Reservation, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    product = TenantForeignKey("catalog.Product", related_name="+")
    variant = TenantForeignKey("catalog.Variant", null=True, related_name="+")
    quantity = models.BigIntegerField()

    class Meta(TenantRow.Meta):
        ordering = ["position"]
        constraints = [unique_in_tenant("reservation", "position", among_live=False)]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.variant_id or self.product_id}"

"""Stock: a counter per item, and the ledger that explains it."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from noren_kit.core import context
from noren_kit.db.constraints import AppendOnly, unique_in_tenant
from noren_kit.db.fields import ActorField, TenantField, TenantForeignKey
from noren_kit.tenancy.models import TenantRow

LOW_STOCK = 10


class StockItem(TenantRow):
    """Something with a quantity; what it is, its holder knows.

    `on_hand` and `reserved` are units, each the sum of its entries in the item's ledger. With
    `backorder` more may be sold than there is. `sold` is what the item's sales took and did not
    bring back, those of its parts (a product's variants) included: it stands here, because a sale
    writes this row anyway, and must not rewrite what its holder is.
    """

    revises = "inventory_stockitem"
    often_revised = True
    # The ledger explains them.
    history_ignores = ("on_hand", "reserved", "sold")

    on_hand = models.BigIntegerField(default=0)
    reserved = models.BigIntegerField(default=0)
    sold = models.BigIntegerField(default=0, db_default=0)
    backorder = models.BooleanField(default=False, db_default=False)

    class Meta(TenantRow.Meta):
        constraints = [
            models.CheckConstraint(
                condition=Q(reserved__gte=0) & (Q(backorder=True) | Q(on_hand__gte=F("reserved"))),
                name="inventory_stockitem_not_negative",
            ),
            models.CheckConstraint(condition=Q(sold__gte=0), name="inventory_stockitem_sold"),
        ]
        # Ledgers and lists join on the key alone; these are for availability filters, and for
        # lists in the order of what sold.
        indexes = [
            models.Index(fields=["tenant", "on_hand"], name="inventory_stockitem_on_hand"),
            models.Index(fields=["tenant", "sold", "id"], name="inventory_stockitem_sales"),
        ]

    def __str__(self) -> str:
        return f"{self.on_hand} ({self.reserved} reserved)"

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved


class StockHold(TenantRow):
    """Units of an item kept for somebody until a moment, after which they count no longer.

    The row stays until it is swept; the item's `reserved` is the sum of its rows.
    """

    stock_item = TenantForeignKey(StockItem, related_name="holds")
    # What they are held for, as its holder knows it.
    holder_id = models.UUIDField()
    quantity = models.BigIntegerField()
    expires_at = models.DateTimeField()

    class Meta(TenantRow.Meta):
        constraints = [
            unique_in_tenant("holder_id", "stock_item", among_live=False),
            models.CheckConstraint(
                condition=Q(quantity__gt=0), name="inventory_stockhold_quantity"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "expires_at"], name="inventory_stockhold_expiry")]

    def __str__(self) -> str:
        return f"{self.quantity} until {self.expires_at:%F %T}"


class StockMovement(TenantRow):
    """One change of one item's `on_hand`, with its cause. Append-only.

    `reserved` and `released` entries change the item's `reserved` instead.
    """

    class Kind(models.TextChoices):
        RECEIVED = "received", _("received")
        RESERVED = "reserved", _("reserved")
        RELEASED = "released", _("released")
        SOLD = "sold", _("sold")
        ADJUSTED = "adjusted", _("adjusted")
        COUNTED = "counted", _("counted")
        RETURNED = "returned", _("returned")

    tenant = TenantField(db_constraint=False)
    stock_item = TenantForeignKey(StockItem, related_name="movements")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    quantity = models.BigIntegerField(help_text=_("Units added; negative where taken."))
    reason = models.CharField(max_length=200, blank=True)
    # The order line, import row or request that caused it.
    cause_type = models.CharField(max_length=50, blank=True)
    cause_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = ActorField()
    request_id = models.CharField(max_length=64, blank=True, default=context.request_id)

    class Meta(TenantRow.Meta):
        constraints = [
            models.CheckConstraint(condition=~Q(quantity=0), name="inventory_stockmovement_moves"),
            AppendOnly(name="inventory_stockmovement_append_only"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.quantity:+}"

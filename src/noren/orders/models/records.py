"""What happened to an order after it was placed: written once, by whom and when, never changed."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from noren.orders.models.orders import Order, OrderLine
from noren_kit.core import context
from noren_kit.db.constraints import AppendOnly, unique_in_tenant
from noren_kit.db.fields import ActorField, MoneyField, TenantForeignKey
from noren_kit.tenancy.models import TenantRow


class Record(TenantRow):
    """An entry of an order's past."""

    order = TenantForeignKey(Order, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    created_by = ActorField()
    request_id = models.CharField(max_length=64, blank=True, default=context.request_id)

    class Meta(TenantRow.Meta):
        abstract = True


class OrderTransition(Record):
    """The order came from one status into another."""

    from_status = models.CharField(max_length=16, choices=Order.Status.choices)
    to_status = models.CharField(max_length=16, choices=Order.Status.choices)

    class Meta(TenantRow.Meta):
        constraints = [AppendOnly(name="orders_ordertransition_append_only")]

    def __str__(self) -> str:
        return f"{self.from_status} → {self.to_status}"


class Payment(Record):
    """Money that came in for an order, or went back."""

    class Kind(models.TextChoices):
        PAYMENT = "payment", _("payment")
        REFUND = "refund", _("refund")

    kind = models.CharField(max_length=8, choices=Kind.choices)
    amount = MoneyField()
    # The payment's name in the system that took it.
    reference = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=200, blank=True)

    class Meta(TenantRow.Meta):
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="orders_payment_amount"),
            AppendOnly(name="orders_payment_append_only"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount}"


class OrderReturn(Record):
    """Goods that came back, and what they had been charged at, after their share of a discount."""

    restock = models.BooleanField()
    # Of a return that another system had credited: its number there, and the import.
    external_number = models.CharField(max_length=50, null=True, editable=False)
    import_job = TenantForeignKey("jobs.Job", null=True, editable=False, related_name="+")
    reason = models.CharField(max_length=200, blank=True)
    net = MoneyField()
    tax = MoneyField()
    gross = MoneyField()

    class Meta(TenantRow.Meta):
        constraints = [
            models.CheckConstraint(
                condition=Q(gross=F("net") + F("tax"), gross__gte=0, tax__gte=0),
                name="orders_orderreturn_gross",
            ),
            AppendOnly(name="orders_orderreturn_append_only"),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "external_number"],
                condition=Q(external_number__isnull=False),
                name="orders_orderreturn_external",
            )
        ]

    def __str__(self) -> str:
        return f"return of {self.gross}"


class ReturnLine(TenantRow):
    """Units of one order line that came back."""

    order_return = TenantForeignKey(OrderReturn, on_delete=models.CASCADE, related_name="lines")
    order_line = TenantForeignKey(OrderLine, on_delete=models.CASCADE, related_name="+")
    quantity = models.BigIntegerField()

    class Meta(TenantRow.Meta):
        ordering = ["id"]
        constraints = [
            unique_in_tenant("order_return", "order_line", among_live=False),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="orders_returnline_quantity"),
            AppendOnly(name="orders_returnline_append_only"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.order_line_id}"


class ReturnTax(TenantRow):
    """A return's amounts at one rate; all returns of an order add up to what it was charged."""

    order_return = TenantForeignKey(OrderReturn, on_delete=models.CASCADE, related_name="taxes")
    rate = models.DecimalField(max_digits=5, decimal_places=2)
    reduced = models.BooleanField()
    net = MoneyField(default=Decimal(0))
    tax = MoneyField(default=Decimal(0))
    gross = MoneyField(default=Decimal(0))

    class Meta(TenantRow.Meta):
        ordering = ["-rate"]
        constraints = [
            unique_in_tenant("order_return", "rate", "reduced", among_live=False),
            models.CheckConstraint(
                condition=Q(gross=F("net") + F("tax")), name="orders_returntax_gross"
            ),
            AppendOnly(name="orders_returntax_append_only"),
        ]

    def __str__(self) -> str:
        return f"{self.rate} %: {self.tax}"

"""Orders as they were placed: prices, names, taxes and totals are copies, never links."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from noren.orders.models.customers import Customer
from noren_kit.db.constraints import AppendOnly, unique_in_tenant
from noren_kit.db.fields import MoneyField, TenantField, TenantForeignKey
from noren_kit.search.indexing import CODE, NAME, Searched
from noren_kit.tenancy.models import TenantModel, TenantRow


class Order(TenantModel):
    """One order, or with `kind` credit the record of goods credited by another system.

    `order_number` is the tenant's own, without gaps per year; imported orders have an
    `external_number` instead. Amounts are in `currency`.
    """

    class Kind(models.TextChoices):
        SALE = "sale", _("sale")
        CREDIT = "credit", _("credit")

    class Status(models.TextChoices):
        PLACED = "placed", _("placed")
        CONFIRMED = "confirmed", _("confirmed")
        SHIPPED = "shipped", _("shipped")
        DELIVERED = "delivered", _("delivered")
        CANCELLED = "cancelled", _("cancelled")
        RETURNED = "returned", _("returned")

    class PaymentStatus(models.TextChoices):
        UNPAID = "unpaid", _("unpaid")
        PARTLY_PAID = "partly_paid", _("partly paid")
        PAID = "paid", _("paid")
        PARTLY_REFUNDED = "partly_refunded", _("partly refunded")
        REFUNDED = "refunded", _("refunded")

    tenant = TenantField(db_constraint=False)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.SALE)
    order_number = models.CharField(max_length=20, null=True, editable=False)
    external_number = models.CharField(max_length=50, null=True, editable=False)
    # The import that brought the order in; its lines can be counted against the file by it.
    import_job = TenantForeignKey("jobs.Job", null=True, editable=False, related_name="+")
    customer = TenantForeignKey(Customer, related_name="orders")
    customer_name = models.CharField(max_length=200)
    customer_email = models.CharField(max_length=254, blank=True)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PLACED)
    payment_status = models.CharField(
        max_length=16, choices=PaymentStatus.choices, default=PaymentStatus.UNPAID
    )
    placed_at = models.DateTimeField(default=timezone.now)
    currency = models.CharField(max_length=3)
    prices_include_tax = models.BooleanField()
    item_count = models.BigIntegerField()
    subtotal_amount = MoneyField()
    discount_amount = MoneyField(default=Decimal(0))
    tax_amount = MoneyField()
    total_amount = MoneyField()
    # Sums of the order's payments, refunds and returns.
    paid_amount = MoneyField(default=Decimal(0), db_default=0, editable=False)
    refunded_amount = MoneyField(default=Decimal(0), db_default=0, editable=False)
    returned_amount = MoneyField(default=Decimal(0), db_default=0, editable=False)
    shipping_address = models.TextField(blank=True, max_length=1_000)
    billing_address = models.TextField(blank=True, max_length=1_000)
    notes = models.TextField(blank=True, max_length=1_000)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "order_number"],
                condition=Q(order_number__isnull=False),
                name="orders_order_order_number",
            ),
            models.UniqueConstraint(
                fields=["tenant", "external_number"],
                condition=Q(external_number__isnull=False),
                name="orders_order_external_number",
            ),
            Searched(fields={"order_number": CODE, "external_number": CODE, "customer_name": NAME}),
            models.CheckConstraint(
                condition=Q(
                    prices_include_tax=True,
                    total_amount=F("subtotal_amount") - F("discount_amount"),
                )
                | Q(
                    prices_include_tax=False,
                    total_amount=F("subtotal_amount") - F("discount_amount") + F("tax_amount"),
                ),
                name="orders_order_total",
            ),
            models.CheckConstraint(
                condition=Q(kind="credit")
                | Q(
                    subtotal_amount__gte=0,
                    discount_amount__gte=0,
                    tax_amount__gte=0,
                    total_amount__gte=0,
                ),
                name="orders_order_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(refunded_amount__gte=0, refunded_amount__lte=F("paid_amount")),
                name="orders_order_refunded",
            ),
            models.CheckConstraint(
                condition=Q(kind="credit")
                | Q(
                    returned_amount__gte=0,
                    returned_amount__lte=F("total_amount"),
                    paid_amount__lte=F("total_amount") + F("refunded_amount"),
                ),
                name="orders_order_returned",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", order, "id"], name=f"orders_order_{order}")
            for order in ("created_at", "placed_at", "total_amount")
        ]

    def __str__(self) -> str:
        return self.order_number or self.external_number or str(self.id)


class OrderLine(TenantRow):
    """One position of an order. Append-only: what was sold does not change."""

    revises = "orders_order"

    tenant = TenantField(db_constraint=False)
    order = TenantForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    product = TenantForeignKey("catalog.Product", related_name="+")
    variant = TenantForeignKey("catalog.Variant", null=True, related_name="+")
    stock_item = TenantForeignKey("inventory.StockItem", related_name="+")
    name = models.CharField(max_length=200)
    sku = models.CharField(max_length=50)
    # Empty where the product was sold by itself.
    variant_name = models.CharField(max_length=200, blank=True, default="", db_default="")
    variant_sku = models.CharField(max_length=50, blank=True, default="", db_default="")
    quantity = models.BigIntegerField()
    unit_price = MoneyField()
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2)
    reduced = models.BooleanField()
    subtotal = MoneyField()

    class Meta(TenantRow.Meta):
        ordering = ["position"]
        constraints = [
            unique_in_tenant("order", "position", among_live=False),
            models.CheckConstraint(condition=~Q(quantity=0), name="orders_orderline_quantity"),
            models.CheckConstraint(
                condition=Q(subtotal=F("unit_price") * F("quantity")),
                name="orders_orderline_subtotal",
            ),
            AppendOnly(name="orders_orderline_append_only"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.variant_sku or self.sku}"

    @property
    def title(self) -> str:
        """What was sold, in words."""
        return f"{self.name}, {self.variant_name}" if self.variant_name else self.name


class OrderTax(TenantRow):
    """An order's amounts at one rate: tax is rounded here, once, and nowhere else."""

    revises = "orders_order"

    tenant = TenantField(db_constraint=False)
    order = TenantForeignKey(Order, on_delete=models.CASCADE, related_name="taxes")
    rate = models.DecimalField(max_digits=5, decimal_places=2)
    reduced = models.BooleanField()
    net = MoneyField()
    tax = MoneyField()
    gross = MoneyField()

    class Meta(TenantRow.Meta):
        ordering = ["-rate"]
        constraints = [
            unique_in_tenant("order", "rate", "reduced", among_live=False),
            models.CheckConstraint(
                condition=Q(gross=F("net") + F("tax")), name="orders_ordertax_gross"
            ),
            AppendOnly(name="orders_ordertax_append_only"),
        ]

    def __str__(self) -> str:
        return f"{self.rate} %: {self.tax}"


class OrderNumber(TenantRow):
    """The last order number given in a year of the tenant."""

    unrecorded = "Counts the numbers that orders have."

    year = models.PositiveSmallIntegerField()
    last = models.PositiveBigIntegerField()

    class Meta(TenantRow.Meta):
        constraints = [unique_in_tenant("year", among_live=False)]

    def __str__(self) -> str:
        return f"{self.year}: {self.last}"

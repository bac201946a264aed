"""The shop as one tenant's project would have it: the same facts, without tenants.

Stock is a column of the product, money is numeric, keys are Django's; an index for each way to
order, as Noren has them.
"""

from decimal import Decimal

from django.contrib.auth.models import AbstractUser
from django.db import models
from uuid_utils.compat import uuid7


class User(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=200)


class Row(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    class Meta:
        abstract = True


class Audited(Row):
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    updated_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )

    class Meta:
        abstract = True


class Category(Row):
    name = models.CharField(max_length=200)
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2)


class Brand(Row):
    name = models.CharField(max_length=200)


class Supplier(Row):
    code = models.SlugField()
    name = models.CharField(max_length=200)


class Tag(Row):
    name = models.CharField(max_length=50, unique=True)


class Product(Audited):
    class Status(models.TextChoices):
        DRAFT = "draft"
        ACTIVE = "active"
        ARCHIVED = "archived"

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    sku = models.CharField(max_length=50, unique=True)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.DRAFT)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="products")
    brand = models.ForeignKey(Brand, null=True, blank=True, on_delete=models.PROTECT)
    supplier = models.ForeignKey(Supplier, null=True, blank=True, on_delete=models.PROTECT)
    tags = models.ManyToManyField(Tag, related_name="products")
    stock_quantity = models.BigIntegerField(default=0)
    backorder = models.BooleanField(default=False)
    image = models.CharField(max_length=500, blank=True)
    review_count = models.PositiveIntegerField(default=0)
    average_rating = models.DecimalField(max_digits=4, decimal_places=2, default=Decimal(0))
    total_sales = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=[name, "id"], name=f"shop_product_{name}")
            for name in (
                "created_at",
                "updated_at",
                "price",
                "name",
                "average_rating",
                "total_sales",
            )
        ]


class Variant(Audited):
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="variants")
    name = models.CharField(max_length=200)
    sku = models.CharField(max_length=50, unique=True)
    price = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    is_active = models.BooleanField(default=True)
    options = models.JSONField(default=dict, blank=True)
    stock_quantity = models.BigIntegerField(default=0)

    @property
    def effective_price(self):
        return self.product.price if self.price is None else self.price


class Review(Audited):
    class Status(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        REJECTED = "rejected"

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    reviewer_name = models.CharField(max_length=200, blank=True)
    rating = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=200, blank=True)
    comment = models.TextField(blank=True)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PENDING)

    class Meta:
        indexes = [models.Index(fields=["product", "-created_at"], name="shop_review_newest")]


class Customer(Audited):
    name = models.CharField(max_length=200)
    email = models.EmailField(blank=True)


class Order(Audited):
    kind = models.CharField(max_length=8, default="sale")
    order_number = models.CharField(max_length=20, unique=True)
    external_number = models.CharField(max_length=50, null=True)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="orders")
    customer_name = models.CharField(max_length=200)
    customer_email = models.CharField(max_length=254, blank=True)
    status = models.CharField(max_length=16, default="placed")
    payment_status = models.CharField(max_length=16, default="unpaid")
    placed_at = models.DateTimeField(auto_now_add=True)
    currency = models.CharField(max_length=3)
    item_count = models.BigIntegerField()
    subtotal_amount = models.DecimalField(max_digits=14, decimal_places=2)
    discount_amount = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal("0.00"))
    tax_amount = models.DecimalField(max_digits=14, decimal_places=2)
    total_amount = models.DecimalField(max_digits=14, decimal_places=2)
    paid_amount = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal("0.00"))
    refunded_amount = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal("0.00"))
    returned_amount = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal("0.00"))
    shipping_address = models.TextField(blank=True)
    billing_address = models.TextField(blank=True)
    notes = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=[name, "id"], name=f"shop_order_{name}")
            for name in ("created_at", "placed_at", "total_amount")
        ]


class OrderLine(Row):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    sku = models.CharField(max_length=50)
    quantity = models.BigIntegerField()
    unit_price = models.DecimalField(max_digits=10, decimal_places=2)
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2)
    reduced = models.BooleanField()
    subtotal = models.DecimalField(max_digits=14, decimal_places=2)
    # Orders are of products by themselves alone.
    variant = None

    class Meta:
        ordering = ["position"]


class OrderTax(Row):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="taxes")
    rate = models.DecimalField(max_digits=5, decimal_places=2)
    reduced = models.BooleanField()
    net = models.DecimalField(max_digits=14, decimal_places=2)
    tax = models.DecimalField(max_digits=14, decimal_places=2)
    gross = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta:
        ordering = ["-rate"]


class OrderNumber(models.Model):
    year = models.PositiveSmallIntegerField(primary_key=True)
    last = models.PositiveBigIntegerField(default=0)

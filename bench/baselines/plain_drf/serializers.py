"""Products and orders, field for field as Noren shows them."""

from decimal import ROUND_FLOOR, Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from plain_drf.models import (
    Order,
    OrderLine,
    OrderNumber,
    OrderTax,
    Product,
    Review,
    User,
    Variant,
)
from rest_framework import serializers

CENT = Decimal("0.01")
AUDIT = ["created_at", "updated_at", "created_by", "updated_by"]


def availability(units):
    if units > 10:
        return "in_stock"
    return "low_stock" if units > 0 else "out_of_stock"


class PersonSerializer(serializers.ModelSerializer):
    class Meta:
        model = User
        fields = ["id", "name"]


class ProductListSerializer(serializers.ModelSerializer):
    price_with_tax = serializers.SerializerMethodField()
    category_name = serializers.CharField(source="category.name", read_only=True)
    is_active = serializers.SerializerMethodField()
    availability_status = serializers.SerializerMethodField()
    image_url = serializers.SerializerMethodField()
    tags = serializers.SlugRelatedField("name", many=True, read_only=True)
    created_by = PersonSerializer(read_only=True)
    updated_by = PersonSerializer(read_only=True)

    class Meta:
        model = Product
        fields = [
            "id",
            "name",
            "sku",
            "price",
            "price_with_tax",
            "category",
            "category_name",
            "brand",
            "supplier",
            "status",
            "is_active",
            "stock_quantity",
            "availability_status",
            "backorder",
            "image_url",
            "tags",
            "review_count",
            "average_rating",
            "total_sales",
            *AUDIT,
        ]
        read_only_fields = ["stock_quantity", "review_count", "average_rating", "total_sales"]

    def get_price_with_tax(self, product):
        gross = product.price * (100 + product.category.tax_rate) / 100
        return str(gross.quantize(CENT, rounding=ROUND_FLOOR))

    def get_is_active(self, product):
        return product.status == Product.Status.ACTIVE

    def get_availability_status(self, product):
        return availability(product.stock_quantity)

    def get_image_url(self, product):
        return product.image or None


class ActiveVariantSerializer(serializers.ModelSerializer):
    price = serializers.DecimalField(source="effective_price", max_digits=10, decimal_places=2)
    availability_status = serializers.SerializerMethodField()

    class Meta:
        model = Variant
        fields = [
            "id",
            "name",
            "sku",
            "price",
            "stock_quantity",
            "availability_status",
            "options",
        ]

    def get_availability_status(self, variant):
        return availability(variant.stock_quantity)


class RecentReviewSerializer(serializers.ModelSerializer):
    reviewer_name = serializers.SerializerMethodField()

    class Meta:
        model = Review
        fields = ["id", "reviewer_name", "rating", "title", "comment", "created_at"]

    def get_reviewer_name(self, review):
        return review.reviewer.name if review.reviewer else review.reviewer_name


class ProductSerializer(ProductListSerializer):
    """The detail; the view prefetches the variants and reviews that are shown."""

    active_variants = ActiveVariantSerializer(many=True, read_only=True)
    recent_reviews = RecentReviewSerializer(many=True, read_only=True)

    class Meta(ProductListSerializer.Meta):
        fields = [
            "description",
            *ProductListSerializer.Meta.fields,
            "active_variants",
            "recent_reviews",
        ]


class OrderLineSerializer(serializers.ModelSerializer):
    product_id = serializers.PrimaryKeyRelatedField(
        source="product", queryset=Product.objects.filter(status="active"), write_only=True
    )
    product = serializers.SerializerMethodField()
    variant = serializers.ReadOnlyField()

    class Meta:
        model = OrderLine
        fields = [
            "id",
            "product",
            "product_id",
            "variant",
            "quantity",
            "unit_price",
            "tax_rate",
            "subtotal",
        ]
        read_only_fields = ["unit_price", "tax_rate", "subtotal"]
        extra_kwargs = {"quantity": {"min_value": 1}}

    def get_product(self, line):
        return {
            "id": str(line.product_id),
            "name": line.name,
            "price": str(line.unit_price),
            "sku": line.sku,
        }


class OrderTaxSerializer(serializers.ModelSerializer):
    class Meta:
        model = OrderTax
        fields = ["rate", "reduced", "net", "tax", "gross"]


class OrderSerializer(serializers.ModelSerializer):
    items = OrderLineSerializer(source="lines", many=True, allow_empty=False)
    tax_breakdown = OrderTaxSerializer(source="taxes", many=True, read_only=True)
    created_by = PersonSerializer(read_only=True)
    updated_by = PersonSerializer(read_only=True)

    class Meta:
        model = Order
        fields = [
            "id",
            "kind",
            "order_number",
            "external_number",
            "customer",
            "customer_email",
            "customer_name",
            "status",
            "payment_status",
            "placed_at",
            "item_count",
            "subtotal_amount",
            "discount_amount",
            "tax_amount",
            "total_amount",
            "paid_amount",
            "refunded_amount",
            "returned_amount",
            "currency",
            "items",
            "tax_breakdown",
            "shipping_address",
            "billing_address",
            "notes",
            *AUDIT,
        ]
        read_only_fields = [
            "kind",
            "order_number",
            "external_number",
            "customer_email",
            "customer_name",
            "status",
            "payment_status",
            "placed_at",
            "item_count",
            "subtotal_amount",
            "discount_amount",
            "tax_amount",
            "total_amount",
            "paid_amount",
            "refunded_amount",
            "returned_amount",
            "currency",
        ]

    @transaction.atomic
    def create(self, validated_data):
        items, customer = validated_data.pop("lines"), validated_data["customer"]
        lines = _take_stock(items)
        taxes = _taxes(lines)
        subtotal, tax = sum(line.subtotal for line in lines), sum(row.tax for row in taxes)
        order = Order.objects.create(
            **validated_data,
            order_number=_next_number(),
            customer_name=customer.name,
            customer_email=customer.email,
            currency=settings.CURRENCY,
            item_count=sum(line.quantity for line in lines),
            subtotal_amount=subtotal,
            tax_amount=tax,
            total_amount=subtotal + tax,
        )
        for row in (*lines, *taxes):
            row.order = order
        OrderLine.objects.bulk_create(lines)
        OrderTax.objects.bulk_create(taxes)
        order._prefetched_objects_cache = {"lines": lines, "taxes": taxes}
        return order


def _take_stock(items):
    """Lines, unsaved, once their products are locked and their stock is taken."""
    ids = sorted({item["product"].pk for item in items})
    locked = Product.objects.select_for_update(of=["self"]).select_related("category")
    products = {product.pk: product for product in locked.filter(pk__in=ids).order_by("pk")}
    lines = []
    for position, item in enumerate(items, start=1):
        product, quantity = products[item["product"].pk], item["quantity"]
        if product.stock_quantity < quantity and not product.backorder:
            raise serializers.ValidationError({"items": f"Not enough of {product.sku}."})
        product.stock_quantity -= quantity
        rate = product.category.tax_rate
        lines.append(
            OrderLine(
                position=position,
                product=product,
                name=product.name,
                sku=product.sku,
                quantity=quantity,
                unit_price=product.price,
                tax_rate=rate,
                reduced=0 < rate < settings.STANDARD_TAX_RATE,
                subtotal=product.price * quantity,
            )
        )
    for line in lines:
        Product.objects.filter(pk=line.product_id).update(
            stock_quantity=F("stock_quantity") - line.quantity,
            total_sales=F("total_sales") + line.quantity,
        )
    return lines


def _taxes(lines):
    nets = {}
    for line in lines:
        key = (line.tax_rate, line.reduced)
        nets[key] = nets.get(key, Decimal(0)) + line.subtotal
    rows = []
    for (rate, reduced), net in sorted(nets.items(), reverse=True):
        tax = (net * rate / 100).quantize(CENT, rounding=ROUND_FLOOR)
        rows.append(OrderTax(rate=rate, reduced=reduced, net=net, tax=tax, gross=net + tax))
    return rows


def _next_number():
    year = timezone.now().year
    OrderNumber.objects.get_or_create(year=year)
    number = OrderNumber.objects.select_for_update().get(year=year)
    number.last += 1
    number.save(update_fields=["last"])
    return f"{year}-{number.last:06d}"

"""A planned shop into the entered tenant, by the services of the apps that own the tables."""

from __future__ import annotations

from collections.abc import Sequence

from noren.catalog.services import provide_tax_classes
from noren.catalog.services.seeding import (
    SeedCategory,
    SeededProduct,
    SeedProduct,
    SeedReview,
    SeedVariant,
    seed_classification,
    seed_products,
    seed_reviews,
    seed_variants,
)
from noren.demo.generating.plan import ShopPlan
from noren.inventory.services import Kind, PastMovement, record_movements
from noren.orders.services import NewLine
from noren.orders.services.seeding import SeedCustomer, SeedOrder, seed_customers, seed_orders


def plant_shop(plan: ShopPlan) -> None:
    """Write all of a plan; in the caller's transaction, inside the tenant, which must be empty."""
    products = _plant_products(plan)
    _plant_deliveries(plan, products)
    seed_variants(
        [
            SeedVariant(
                product_id=products[each.product].id,
                name=each.name,
                sku=each.sku,
                price=each.price,
                options=each.options,
                quantity=each.quantity,
                created_at=plan.products[each.product].created_at,
            )
            for each in plan.variants
        ]
    )
    _plant_orders(plan, products)
    seed_reviews(
        [
            SeedReview(
                product_id=products[each.product].id,
                reviewer_name=each.reviewer_name,
                rating=each.rating,
                comment=each.comment,
                created_at=each.created_at,
            )
            for each in plan.reviews
        ]
    )


def _plant_products(plan: ShopPlan) -> Sequence[SeededProduct]:
    profile = plan.profile
    provide_tax_classes()
    sorting = seed_classification(
        categories=[
            SeedCategory(each.name, each.parent, each.tax_class, each.requires_approval)
            for each in profile.branches
        ],
        brands=[brand for makers in profile.makers for brand in makers.brands],
        suppliers=[supplier for makers in profile.makers for supplier in makers.suppliers],
    )
    return seed_products(
        [
            SeedProduct(
                sku=each.sku,
                name=each.name,
                description=each.description,
                price=each.price,
                status=each.status,
                category=each.category,
                brand=each.brand,
                supplier=each.supplier,
                tags=each.tags,
                created_at=each.created_at,
            )
            for each in plan.products
        ],
        sorting,
    )


def _plant_deliveries(plan: ShopPlan, products: Sequence[SeededProduct]) -> None:
    record_movements(
        [
            PastMovement(
                str(products[each.product].stock_item_id),
                Kind.RECEIVED,
                each.quantity,
                each.at,
                reason=each.reason,
            )
            for each in plan.deliveries
        ],
        cause_type="delivery",
    )


def _plant_orders(plan: ShopPlan, products: Sequence[SeededProduct]) -> None:
    customers = seed_customers(
        [
            SeedCustomer(
                name=each.buyer.name,
                email=each.email,
                company=each.buyer.company,
                tax_number=each.buyer.tax_number,
                created_at=each.created_at,
            )
            for each in plan.customers
        ]
    )
    seed_orders(
        [
            SeedOrder(
                customer=customers[each.customer],
                lines=[NewLine(products[line.product].id, line.quantity) for line in each.lines],
                placed_at=each.placed_at,
                changed_at=each.closed_at,
                status=each.status,
                payment_status=each.payment_status,
                discount=each.discount,
                address=plan.customers[each.customer].buyer.address,
                notes=each.notes,
            )
            for each in plan.orders
        ]
    )

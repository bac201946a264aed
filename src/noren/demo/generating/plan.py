"""A demo shop as planned, before it has any id in any database: what refers, refers by position."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal

from noren.demo.words.profile import Buyer, Profile


@dataclass(slots=True)
class PlannedProduct:
    name: str
    description: str
    sku: str
    price: Decimal
    status: str
    category: str
    brand: str | None
    supplier: str
    tags: tuple[str, ...]
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class PlannedVariant:
    """A product in another pack; `quantity` opens its ledger."""

    product: int
    name: str
    sku: str
    price: Decimal
    options: dict[str, str]
    quantity: int


@dataclass(frozen=True, slots=True)
class PlannedCustomer:
    buyer: Buyer
    email: str
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class PlannedReview:
    product: int
    reviewer_name: str
    rating: int
    comment: str
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class PlannedLine:
    product: int
    quantity: int


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """An order in the past; `closed_at` is when it reached the state it is in."""

    customer: int
    lines: tuple[PlannedLine, ...]
    placed_at: dt.datetime
    closed_at: dt.datetime
    status: str
    payment_status: str
    # Per cent off the whole order.
    discount: int
    notes: str


@dataclass(frozen=True, slots=True)
class PlannedDelivery:
    """Units that came in; the first of a product opens its ledger."""

    product: int
    quantity: int
    reason: str
    at: dt.datetime


@dataclass(slots=True)
class ShopPlan:
    profile: Profile
    end: dt.datetime
    products: list[PlannedProduct] = field(default_factory=list)
    variants: list[PlannedVariant] = field(default_factory=list)
    customers: list[PlannedCustomer] = field(default_factory=list)
    reviews: list[PlannedReview] = field(default_factory=list)
    orders: list[PlannedOrder] = field(default_factory=list)
    deliveries: list[PlannedDelivery] = field(default_factory=list)

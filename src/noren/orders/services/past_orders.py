"""What an import hands over: customers, orders and credits of another system."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

TAX_RATE = Decimal(0)


@dataclass(frozen=True, slots=True)
class ImportedCustomer:
    external_id: str
    name: str


@dataclass(slots=True)
class PastLine:
    """A line as the other system has it; of a credit, `quantity` is negative. Ids as texts."""

    product_id: str
    stock_item_id: str
    sku: str
    name: str
    quantity: int
    unit_price: Decimal
    # By which the caller knows it.
    key: int = 0


@dataclass(frozen=True, slots=True)
class PastOrder:
    """A finished sale or credit; `kind` is one of `Order.Kind`.

    `customer_known` is false where the customer stands for all those whom nobody noted.
    """

    external_number: str
    kind: str
    customer_id: uuid.UUID
    customer_name: str
    placed_at: dt.datetime
    address: str
    lines: Sequence[PastLine]
    customer_known: bool = True


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A line of a credit that no order was found for, by its key.

    `lacks` says what was not found: `customer`, an earlier `order` of the product, one at the same
    `price`, or a `quantity` of it.
    """

    key: int
    lacks: str

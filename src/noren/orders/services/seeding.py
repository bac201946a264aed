"""Orders of this shop's own past, by the thousand: for demonstrations and tests of size.

Priced, taxed and numbered as `place_order` does it, at the moments given. Nobody is told: past
orders publish no event, so no mail goes out and no webhook is called for them.
"""

from __future__ import annotations

import datetime as dt
import uuid
import zoneinfo
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from noren.catalog.queries import find_saleable
from noren.catalog.services import count_sales
from noren.inventory.services import Kind, PastMovement, record_movements
from noren.orders.models import Customer, Order, OrderLine, OrderTax, Payment
from noren.orders.services.placing import CAUSE, NewLine, price_lines, tax_rows
from noren.orders.services.tax import Priced, total_up
from noren_kit.core import context
from noren_kit.core.ids import uuid7
from noren_kit.core.money import round_amount
from noren_kit.db.arrays import plain_array
from noren_kit.db.rows import insert_rows


@dataclass(frozen=True, slots=True)
class SeedCustomer:
    name: str
    email: str
    company: str
    tax_number: str
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class SeededCustomer:
    """What an order copies from a planted customer."""

    id: uuid.UUID
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class SeedOrder:
    """An order as it stands today; it came to its state at `changed_at`.

    `discount` is in per cent of the subtotal.
    """

    customer: SeededCustomer
    lines: Sequence[NewLine]
    placed_at: dt.datetime
    changed_at: dt.datetime
    status: str
    payment_status: str
    discount: int = 0
    address: str = ""
    notes: str = ""


def seed_customers(customers: Sequence[SeedCustomer]) -> tuple[SeededCustomer, ...]:
    """New customers, returned in the order given; one statement."""
    actor = context.actor_id()
    rows = [
        Customer(
            name=each.name,
            email=each.email,
            company=each.company,
            tax_number=each.tax_number,
            created_at=each.created_at,
            updated_at=each.created_at,
            created_by_id=actor,
            updated_by_id=actor,
        )
        for each in customers
    ]
    insert_rows(rows)
    return tuple(SeededCustomer(row.id, row.name, row.email) for row in rows)


def seed_orders(orders: Sequence[SeedOrder]) -> None:
    """Write past orders with lines, taxes, numbers, stock movements and sales counters.

    They must come in the order in which they were placed, and in the tenant's stock there must
    be enough for all of them. A cancelled order gives its units back when it was cancelled; the
    goods of a returned one were not put back on sale. Raises `InsufficientStock`; the caller's
    transaction must then be rolled back. Statements do not grow with the orders.
    """
    lines_of_all = [line for order in orders for line in order.lines]
    products = find_saleable(
        {line.product_id for line in lines_of_all if line.product_id},
        {line.variant_id for line in lines_of_all if line.variant_id},
    )
    numbers = _take_numbers([order.placed_at for order in orders])
    rows: list[Order] = []
    lines: list[OrderLine] = []
    taxes: list[OrderTax] = []
    for order, number in zip(orders, numbers, strict=True):
        own = price_lines(order.lines, products)
        row, rates = _total(order, number, own)
        rows.append(row)
        lines += own
        taxes += rates
    insert_rows(rows)
    insert_rows(lines)
    insert_rows(taxes)
    insert_rows([payment for row in rows for payment in _payments(row)])
    _move_stock(rows, lines)


def _money(payment_status: str, total: Decimal) -> tuple[Decimal, Decimal]:
    """What was paid and given back; of a part, half of it."""
    half = round_amount(total / 2, context.tenant().currency, "floor")
    none = Decimal(0)
    return {
        Order.PaymentStatus.UNPAID: (none, none),
        Order.PaymentStatus.PARTLY_PAID: (half, none),
        Order.PaymentStatus.PAID: (total, none),
        Order.PaymentStatus.PARTLY_REFUNDED: (total, half),
        Order.PaymentStatus.REFUNDED: (total, total),
    }[Order.PaymentStatus(payment_status)]


def _payments(order: Order) -> Iterator[Payment]:
    """What it took to be paid, and refunded, as the order says it is."""
    sums = ((Payment.Kind.PAYMENT, order.paid_amount), (Payment.Kind.REFUND, order.refunded_amount))
    for kind, amount in sums:
        if amount:
            yield Payment(
                order=order,
                kind=kind,
                amount=amount,
                created_at=order.updated_at,
                created_by_id=order.created_by_id,
            )


def _total(
    order: SeedOrder, number: str, lines: Sequence[OrderLine]
) -> tuple[Order, list[OrderTax]]:
    tenant, actor = context.tenant(), context.actor_id()
    subtotal = sum((line.subtotal for line in lines), Decimal(0))
    totals = total_up(
        [Priced(line.subtotal, line.tax_rate, line.reduced) for line in lines],
        discount=round_amount(subtotal * order.discount / 100, tenant.currency, "floor"),
        prices_include_tax=tenant.prices_include_tax,
        currency=tenant.currency,
        rounding=tenant.tax_rounding,
    )
    paid, refunded = _money(order.payment_status, totals.total)
    row = Order(
        order_number=number,
        customer_id=order.customer.id,
        customer_name=order.customer.name,
        customer_email=order.customer.email,
        status=order.status,
        payment_status=order.payment_status,
        placed_at=order.placed_at,
        created_at=order.placed_at,
        updated_at=order.changed_at,
        created_by_id=actor,
        updated_by_id=actor,
        currency=tenant.currency,
        prices_include_tax=tenant.prices_include_tax,
        item_count=sum(line.quantity for line in lines),
        subtotal_amount=totals.subtotal,
        discount_amount=totals.discount,
        tax_amount=totals.tax,
        total_amount=totals.total,
        paid_amount=paid,
        refunded_amount=refunded,
        shipping_address=order.address,
        billing_address=order.address,
        notes=order.notes,
    )
    for line in lines:
        line.order_id = row.id
    return row, tax_rows(row, totals)


_RESERVE = """
INSERT INTO orders_ordernumber (tenant_id, id, year, last)
SELECT %(tenant)s, i.id, i.year, i.many
  FROM unnest(%(ids)s::uuid[], %(years)s::int[], %(many)s::bigint[]) AS i(id, year, many)
ON CONFLICT (tenant_id, year) DO UPDATE SET last = orders_ordernumber.last + excluded.last
RETURNING year, last
"""


def _take_numbers(moments: Sequence[dt.datetime]) -> list[str]:
    """The tenant's next numbers of each year (in its time zone), in one statement."""
    zone = zoneinfo.ZoneInfo(context.tenant().time_zone)
    years = [moment.astimezone(zone).year for moment in moments]
    many = Counter(years)
    with connection.cursor() as cursor:
        cursor.execute(
            _RESERVE,
            {
                "tenant": context.tenant_id(),
                "ids": plain_array(uuid7() for _ in many),
                "years": plain_array(many),
                "many": plain_array(many.values()),
            },
        )
        following: dict[int, int] = {year: last - many[year] for year, last in cursor}
    numbers = []
    for year in years:
        following[year] += 1
        numbers.append(f"{year}-{following[year]:06d}")
    return numbers


def _move_stock(orders: Sequence[Order], lines: Sequence[OrderLine]) -> None:
    by_id = {order.id: order for order in orders}
    record_movements(list(_movements(by_id, lines)), cause_type=CAUSE)
    units: Counter[uuid.UUID] = Counter()
    for line in lines:
        if by_id[line.order_id].status != Order.Status.CANCELLED:
            units[line.product_id] += line.quantity
    count_sales(units)


def _movements(
    orders: Mapping[uuid.UUID, Order], lines: Sequence[OrderLine]
) -> Iterator[PastMovement]:
    for line in lines:
        order = orders[line.order_id]
        item, cause = str(line.stock_item_id), str(line.id)
        yield PastMovement(item, Kind.SOLD, -line.quantity, order.placed_at, cause)
        if order.status == Order.Status.CANCELLED:
            yield PastMovement(item, Kind.RETURNED, line.quantity, order.updated_at, cause)

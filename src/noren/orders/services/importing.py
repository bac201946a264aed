"""Orders of the past, by the thousand, from another system: as they were, with their own numbers.

Nothing is priced, taxed or refused here, and nobody is told: an imported order publishes no
event and sends no mail. Its lines move the stock ledger as those of a new order do, at the
moment at which the order was placed.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any

from django.db import connection

from noren.catalog.services import count_sales
from noren.inventory.services import Kind, PastMovement, record_movements
from noren.orders.models import Customer, Order, OrderTax
from noren.orders.queries import find_customers_by_external_id, sum_units_imported
from noren.orders.services.past_orders import (
    TAX_RATE,
    ImportedCustomer,
    PastOrder,
    Unmatched,
)
from noren.orders.services.past_returns import match_credits, write_returns
from noren.orders.services.placing import CAUSE
from noren_kit.core import context
from noren_kit.core.ids import uuid7_text
from noren_kit.db.arrays import plain_array, text_array
from noren_kit.db.fields import MoneyField

_STATES = {
    Order.Kind.SALE: (Order.Status.DELIVERED, Order.PaymentStatus.PAID),
    Order.Kind.CREDIT: (Order.Status.RETURNED, Order.PaymentStatus.REFUNDED),
}


def import_customers(customers: Sequence[ImportedCustomer]) -> None:
    """Make the customers that the tenant lacks, by `external_id`; known ones stay as they are."""
    known = find_customers_by_external_id([customer.external_id for customer in customers])
    Customer.objects.bulk_create(
        Customer(external_id=customer.external_id, name=customer.name)
        for customer in customers
        if customer.external_id not in known
    )


def import_orders(orders: Sequence[PastOrder], *, job_id: uuid.UUID) -> list[Unmatched]:
    """Write finished orders, and credits as returns of orders where those can be told.

    With them go lines, taxes and stock movements; as many statements for any number. Returns the
    lines of credits that stay credits (see `past_returns` for the rule).

    Their amounts are the file's: tax is outside of them, so each has one tax row at 0 %.
    Numbers must be new to the tenant. Raises `InsufficientStock`; the caller's transaction
    must then be rolled back. `total_sales` is left to `count_imported_sales`.
    """
    sales = [order for order in orders if order.kind == Order.Kind.SALE]
    movements = _write(sales, job_id)
    matched = match_credits(
        [each for each in orders if each.kind != Order.Kind.SALE], job_id=job_id
    )
    write_returns(matched.returns, job_id=job_id)
    movements += matched.movements
    movements += _write(matched.rest, job_id)
    # In one go and in their order: a unit that came back may be one that was sold afterwards.
    movements.sort(key=attrgetter("key"))
    record_movements(movements, cause_type=CAUSE)
    return matched.unmatched


def _write(orders: Sequence[PastOrder], job_id: uuid.UUID) -> list[PastMovement]:
    if not orders:
        return []
    rows = [_order(order, job_id) for order in orders]
    Order.objects.bulk_create(rows)
    OrderTax.objects.bulk_create(
        OrderTax(
            order=row,
            rate=TAX_RATE,
            reduced=False,
            net=row.total_amount,
            tax=Decimal(0),
            gross=row.total_amount,
        )
        for row in rows
    )
    return _write_lines(orders, rows)


def _order(order: PastOrder, job_id: uuid.UUID) -> Order:
    amount = sum((line.unit_price * line.quantity for line in order.lines), Decimal(0))
    status, payment_status = _STATES[Order.Kind(order.kind)]
    return Order(
        kind=order.kind,
        external_number=order.external_number,
        import_job_id=job_id,
        customer_id=order.customer_id,
        customer_name=order.customer_name,
        status=status,
        payment_status=payment_status,
        placed_at=order.placed_at,
        currency=context.tenant().currency,
        prices_include_tax=context.tenant().prices_include_tax,
        item_count=sum(line.quantity for line in order.lines),
        subtotal_amount=amount,
        tax_amount=Decimal(0),
        total_amount=amount,
        # Taken by the other system: no payments of ours stand behind it.
        paid_amount=amount if payment_status == Order.PaymentStatus.PAID else Decimal(0),
        shipping_address=order.address,
    )


_LINES = """
INSERT INTO orders_orderline
       (tenant_id, id, order_id, position, product_id, stock_item_id, name, sku, quantity,
        unit_price, tax_rate, reduced, subtotal)
SELECT %(tenant)s, i.id, i.order_id, i.position, i.product_id, i.stock_item_id, i.name, i.sku,
       i.quantity, i.unit_price, %(rate)s, false, i.unit_price * i.quantity
  FROM unnest(%(ids)s::uuid[], %(orders)s::uuid[], %(positions)s::int[], %(products)s::uuid[],
              %(items)s::uuid[], %(names)s::text[], %(skus)s::text[], %(quantities)s::bigint[],
              %(prices)s::bigint[])
       AS i(id, order_id, position, product_id, stock_item_id, name, sku, quantity, unit_price)
"""


def _write_lines(orders: Sequence[PastOrder], rows: Sequence[Order]) -> list[PastMovement]:
    placed = [
        (uuid7_text(), order, order_id, position, line)
        for order, order_id in zip(orders, (str(row.id) for row in rows), strict=True)
        for position, line in enumerate(order.lines, start=1)
    ]
    lines = [line for _id, _order, _order_id, _position, line in placed]
    parameters: dict[str, Any] = {
        "tenant": context.tenant_id(),
        "rate": TAX_RATE,
        "ids": plain_array(each[0] for each in placed),
        "orders": plain_array(each[2] for each in placed),
        "positions": plain_array(each[3] for each in placed),
        "products": plain_array(line.product_id for line in lines),
        "items": plain_array(line.stock_item_id for line in lines),
        "names": text_array(line.name for line in lines),
        "skus": text_array(line.sku for line in lines),
        "quantities": plain_array(line.quantity for line in lines),
        "prices": plain_array(int(line.unit_price.scaleb(MoneyField.places)) for line in lines),
    }
    with connection.cursor() as cursor:
        cursor.execute(_LINES, parameters)
    return [
        PastMovement(
            line.stock_item_id,
            Kind.SOLD if line.quantity > 0 else Kind.RETURNED,
            -line.quantity,
            order.placed_at,
            cause_id=line_id,
            key=line.key,
        )
        for line_id, order, _order_id, _position, line in placed
    ]


def count_imported_sales(job_id: uuid.UUID) -> None:
    """Add a finished import's units to `total_sales`; once, when all its orders are there.

    Credits count against sales over the whole import, and only what is left against 0: a
    credit may stand in front of its sale.
    """
    count_sales(sum_units_imported(job_id))

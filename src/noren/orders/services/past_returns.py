"""Credits of another system that are returns of orders which the same import brought in.

A credit names no order. The rule: a line of it is a return of the latest earlier order of the same
customer that has a line of the same product at the same price of which enough units are left.
What no order is found for stays a credit, and why is told. The price has to be the same because a
return is credited what was charged, and the sums must stay the other system's.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django.db import connection

from noren.inventory.services import Kind, PastMovement
from noren.orders.models import Order, OrderReturn, OrderTransition, Payment, ReturnLine, ReturnTax
from noren.orders.queries import sum_units_returned
from noren.orders.services.past_orders import TAX_RATE, PastLine, PastOrder, Unmatched
from noren.orders.services.paying import payment_status_of
from noren_kit.core import context
from noren_kit.db.arrays import plain_array
from noren_kit.db.fields import MoneyField
from noren_kit.db.rows import insert_together, update_rows


@dataclass(slots=True)
class _Sold:
    """A line of an earlier order, with the units of it that are `left`."""

    line_id: uuid.UUID
    order_id: uuid.UUID
    placed_at: dt.datetime
    unit_price: Decimal
    left: int


@dataclass(slots=True)
class _Return:
    """What a credit gives back of one order: units by line of it."""

    order_id: uuid.UUID
    credit: PastOrder
    units: dict[uuid.UUID, int] = field(default_factory=dict)
    amount: Decimal = Decimal(0)


@dataclass(slots=True)
class Matched:
    """Credits taken apart: `returns` to be written, `rest` to stay credits, and why."""

    returns: list[_Return]
    movements: list[PastMovement]
    rest: list[PastOrder]
    unmatched: list[Unmatched]


_Wanted = tuple[str, str]  # Customer and product.

_PAIRS = "unnest(%(customers)s::uuid[], %(products)s::uuid[]) AS w(customer_id, product_id)"
_LOCK = f"""
SELECT o.id FROM orders_order o
 WHERE o.tenant_id = %(tenant)s AND o.import_job_id = %(job)s AND o.status = 'delivered'
   AND o.kind = 'sale' AND o.refunded_amount = o.returned_amount
   AND EXISTS (SELECT 1 FROM {_PAIRS}
                 JOIN orders_orderline l ON l.product_id = w.product_id
                WHERE w.customer_id = o.customer_id
                  AND l.tenant_id = o.tenant_id AND l.order_id = o.id)
   AND o.customer_id = ANY(%(customers)s::uuid[])
 ORDER BY o.id FOR NO KEY UPDATE
"""  # noqa: S608  no value stands in it
# In a statement of its own, which sees what others had done before the orders were locked.
_SOLD = f"""
SELECT o.customer_id, l.product_id, l.id, o.id, o.placed_at, l.unit_price,
       l.quantity - coalesce((SELECT sum(b.quantity) FROM orders_returnline b
                               WHERE b.tenant_id = l.tenant_id AND b.order_line_id = l.id), 0)
  FROM unnest(%(orders)s::uuid[]) AS g(order_id)
  JOIN orders_order o ON o.tenant_id = %(tenant)s AND o.id = g.order_id
  JOIN orders_orderline l ON l.tenant_id = o.tenant_id AND l.order_id = o.id
  JOIN {_PAIRS} ON w.customer_id = o.customer_id AND w.product_id = l.product_id
 ORDER BY o.placed_at DESC, o.id DESC, l.position
"""  # noqa: S608  no value stands in it


def match_credits(credits: Sequence[PastOrder], *, job_id: uuid.UUID) -> Matched:
    """Find the orders that credits refer to, and lock them; two statements for any number."""
    sold = _lock_sold(credits, job_id)
    found = Matched([], [], [], [])
    for credit in credits:
        _match(credit, sold, found)
    return found


def _lock_sold(
    credits: Sequence[PastOrder], job_id: uuid.UUID
) -> Mapping[_Wanted, Sequence[_Sold]]:
    pairs = sorted(
        {
            (str(each.customer_id), line.product_id)
            for each in credits
            if each.customer_known
            for line in each.lines
        }
    )
    sold: dict[_Wanted, list[_Sold]] = defaultdict(list)
    if not pairs:
        return sold
    parameters: dict[str, Any] = {
        "tenant": context.tenant_id(),
        "job": job_id,
        "customers": plain_array(customer for customer, _product in pairs),
        "products": plain_array(product for _customer, product in pairs),
    }
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, parameters)
        parameters["orders"] = plain_array(order for (order,) in cursor.fetchall())
        cursor.execute(_SOLD, parameters)
        for customer, product, line, order, placed_at, price, left in cursor:
            amount = Decimal(int(price)).scaleb(-MoneyField.places)
            sold[str(customer), str(product)].append(
                _Sold(line, order, placed_at, amount, int(left))
            )
    return sold


def _match(credit: PastOrder, sold: Mapping[_Wanted, Sequence[_Sold]], found: Matched) -> None:
    returns: dict[uuid.UUID, list[_Return]] = {}
    rest: list[PastLine] = []
    for line in credit.lines:
        choice = _choose(credit, line, sold)
        if isinstance(choice, str):
            rest.append(line)
            found.unmatched.append(Unmatched(line.key, choice))
            continue
        choice.left += line.quantity
        _note(credit, line, choice, returns)
        found.movements.append(
            PastMovement(
                line.stock_item_id,
                Kind.RETURNED,
                -line.quantity,
                credit.placed_at,
                cause_id=str(choice.line_id),
                key=line.key,
            )
        )
    found.returns += [each for of_order in returns.values() for each in of_order]
    if rest:
        found.rest.append(replace(credit, lines=rest))


def _choose(
    credit: PastOrder, line: PastLine, sold: Mapping[_Wanted, Sequence[_Sold]]
) -> _Sold | str:
    """The line that comes back, or why none can be told; `sold` has the latest first."""
    if not credit.customer_known:
        return "customer"
    earlier = [
        each
        for each in sold.get((str(credit.customer_id), line.product_id), ())
        if each.placed_at < credit.placed_at
    ]
    if not earlier:
        return "order"
    same_price = [each for each in earlier if each.unit_price == line.unit_price]
    if not same_price:
        return "price"
    return next((each for each in same_price if each.left >= -line.quantity), "quantity")


def _note(
    credit: PastOrder, line: PastLine, choice: _Sold, returns: dict[uuid.UUID, list[_Return]]
) -> None:
    """Each line of the credit is a line of a return; what comes back twice, of two returns."""
    of_order = returns.setdefault(choice.order_id, [])
    fitting = next((each for each in of_order if choice.line_id not in each.units), None)
    if fitting is None:
        fitting = _Return(choice.order_id, credit)
        of_order.append(fitting)
    fitting.units[choice.line_id] = -line.quantity
    fitting.amount -= line.quantity * line.unit_price


def write_returns(returns: Sequence[_Return], *, job_id: uuid.UUID) -> None:
    """Write returns with what was refunded for them, and what their orders come to by them."""
    if not returns:
        return
    rows = [_row(each, job_id) for each in returns]
    pairs = list(zip(rows, returns, strict=True))
    insert_together(
        rows,
        [
            ReturnLine(order_return=row, order_line_id=line, quantity=quantity)
            for row, each in pairs
            for line, quantity in each.units.items()
        ],
        [
            ReturnTax(
                order_return=row, rate=TAX_RATE, reduced=False, net=each.amount, gross=each.amount
            )
            for row, each in pairs
        ],
        [_refund(each) for each in returns if each.amount],
    )
    _sum_up(returns)


def _row(each: _Return, job_id: uuid.UUID) -> OrderReturn:
    return OrderReturn(
        order_id=each.order_id,
        external_number=each.credit.external_number,
        import_job_id=job_id,
        created_at=each.credit.placed_at,
        created_by_id=context.actor_id(),
        restock=True,
        net=each.amount,
        tax=Decimal(0),
        gross=each.amount,
    )


def _refund(each: _Return) -> Payment:
    return Payment(
        order_id=each.order_id,
        created_at=each.credit.placed_at,
        created_by_id=context.actor_id(),
        kind=Payment.Kind.REFUND,
        amount=each.amount,
        reference=each.credit.external_number,
    )


def _sum_up(returns: Sequence[_Return]) -> None:
    latest: dict[uuid.UUID, dt.datetime] = {}
    amounts: dict[uuid.UUID, Decimal] = defaultdict(Decimal)
    for each in returns:
        latest[each.order_id] = each.credit.placed_at
        amounts[each.order_id] += each.amount
    orders = list(Order.objects.filter(id__in=amounts).order_by("id"))
    units = sum_units_returned(list(amounts))
    over: list[OrderTransition] = []
    for order in orders:
        order.returned_amount += amounts[order.id]
        order.refunded_amount += amounts[order.id]
        if order.refunded_amount:
            order.payment_status = payment_status_of(order)
        if units[order.id] == order.item_count:
            over.append(
                OrderTransition(
                    order=order,
                    created_at=latest[order.id],
                    created_by_id=context.actor_id(),
                    from_status=order.status,
                    to_status=Order.Status.RETURNED,
                )
            )
            order.status = Order.Status.RETURNED
    update_rows(orders, ["returned_amount", "refunded_amount", "payment_status", "status"])
    if over:
        insert_together(over)

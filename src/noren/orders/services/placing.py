"""Placing an order: one transaction from the prices to the order itself.

The hot locks come last, in one exchange with the database: stock items in the order of their
ids, then the tenant's order number, which is taken by the statement that writes the order down.
"""

from __future__ import annotations

import datetime as dt
import uuid
import zoneinfo
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from noren.catalog.queries import Saleable, find_saleable
from noren.inventory.services import Change, Kind, StockMove, move_stock
from noren.orders.errors import DiscountTooLarge
from noren.orders.events import AGGREGATE, ORDER_PLACED
from noren.orders.models import Customer, Order, OrderLine, OrderTax
from noren.orders.services.measures import count_placed
from noren.orders.services.tax import Priced, Totals, total_up
from noren_kit.accounts.models import User
from noren_kit.core import context
from noren_kit.core.errors import InvalidInput
from noren_kit.core.ids import uuid7
from noren_kit.db.fields import MoneyField
from noren_kit.db.prepared import fetch_in_turn
from noren_kit.db.rows import Taken, inserting_taking, unsaved
from noren_kit.outbox.publishing import NewEvent, first_events

CAUSE = "order_line"
_MOST_AMOUNT = Decimal(2**63 - 1).scaleb(-MoneyField.places)


@dataclass(frozen=True, slots=True)
class NewLine:
    """Units of a product sold by itself, or of one of its variants: exactly one of the two."""

    product_id: uuid.UUID | None
    quantity: int
    variant_id: uuid.UUID | None = None

    @property
    def article_id(self) -> uuid.UUID | None:
        return self.variant_id or self.product_id


def place_order(
    *,
    customer: Customer,
    lines: Sequence[NewLine],
    discount: Decimal = Decimal(0),
    texts: Mapping[str, str] | None = None,
    before_locking: Callable[[Order], None] | None = None,
) -> Order:
    """Place an order; `texts` holds addresses and notes. Returns it with lines and taxes.

    `before_locking` is given the order when it lacks nothing but its number, and is not placed
    yet: what is done then is not done under the locks that others wait for.
    Raises `InvalidInput` naming each line whose product or variant is unknown or not on sale,
    `DiscountTooLarge`, or `InsufficientStock` naming every short one; the caller's
    transaction must then be rolled back.
    """
    articles = articles_on_sale(lines)
    order_lines = price_lines(lines, articles)
    if discount > sum(line.subtotal for line in order_lines):
        raise DiscountTooLarge
    tenant = context.tenant()
    totals = total_up(
        [Priced(line.subtotal, line.tax_rate, line.reduced) for line in order_lines],
        discount=discount,
        prices_include_tax=tenant.prices_include_tax,
        currency=tenant.currency,
        rounding=tenant.tax_rounding,
    )
    order = _drawn_up(customer, order_lines, totals, texts or {})
    placed = NewEvent(
        type=ORDER_PLACED,
        aggregate_type=AGGREGATE,
        aggregate_id=order.id,
        payload={"order_id": str(order.id), "total_amount": str(order.total_amount)},
    )
    taxes = tax_rows(order, totals)
    number = _next_number(order.placed_at)
    move = _taking_stock(order_lines, articles)
    writing = inserting_taking(number, [order], order_lines, taxes, *first_events(placed))
    order._prefetched_objects_cache = {"lines": order_lines, "taxes": taxes}  # type: ignore[attr-defined]
    if before_locking is not None:
        before_locking(order)
    if order.subtotal_amount > _MOST_AMOUNT:
        move_stock(move)  # What is short is said first; the rows will be refused.
    moved, ((order.order_number,),) = fetch_in_turn([move.question(), writing])
    move.settle(moved)
    count_placed(order)
    return order


def articles_on_sale(lines: Sequence[NewLine]) -> dict[uuid.UUID, Saleable]:
    """What the lines name, by its id; raises `InvalidInput` naming each that is not on sale."""
    articles = find_saleable(
        {line.product_id for line in lines if line.product_id},
        {line.variant_id for line in lines if line.variant_id},
    )
    faults: dict[str, Any] = {}
    for at, line in enumerate(lines):
        article = articles.get(line.article_id) if line.article_id else None
        if article is None:
            fault = {"code": "does_not_exist", "message": _("There is no such object.")}
        elif not article.is_active:
            fault = {"code": "not_on_sale", "message": _("This product is not on sale.")}
        else:
            continue
        faults[str(at)] = {"variant_id" if line.variant_id else "product_id": [fault]}
    if faults:
        raise InvalidInput(details={"items": faults})
    return articles


def price_lines(
    lines: Sequence[NewLine], articles: Mapping[uuid.UUID, Saleable]
) -> list[OrderLine]:
    """Lines with what they copy from product and variant, unsaved and of no order yet.

    `articles` are by the id that the line names.
    """
    standard = context.tenant().standard_tax_rate
    priced = []
    for position, line in enumerate(lines, start=1):
        article = articles[line.article_id]  # type: ignore[index]
        priced.append(
            unsaved(
                OrderLine,
                position=position,
                product_id=article.product_id,
                variant_id=article.variant_id,
                stock_item_id=article.stock_item_id,
                name=article.name,
                sku=article.sku,
                variant_name=article.variant_name,
                variant_sku=article.variant_sku,
                quantity=line.quantity,
                unit_price=article.price,
                tax_rate=article.tax_rate,
                reduced=0 < article.tax_rate < standard,
                subtotal=article.price * line.quantity,
            )
        )
    return priced


def _drawn_up(
    customer: Customer, lines: Sequence[OrderLine], totals: Totals, texts: Mapping[str, str]
) -> Order:
    """The order, unsaved and without its number, and its lines' own."""
    tenant, actor, now = context.tenant(), context.actor(), timezone.now()
    order = unsaved(
        Order,
        customer_id=customer.id,
        customer_name=customer.name,
        customer_email=customer.email,
        placed_at=now,
        currency=tenant.currency,
        prices_include_tax=tenant.prices_include_tax,
        item_count=sum(line.quantity for line in lines),
        subtotal_amount=totals.subtotal,
        discount_amount=totals.discount,
        tax_amount=totals.tax,
        total_amount=totals.total,
        created_at=now,
        updated_at=now,
        **texts,
    )
    order.customer = customer
    if actor is not None:
        # Known already: showing the order must not read the person again.
        person = unsaved(User, id=actor.user_id, name=actor.name)
        order.created_by = order.updated_by = person
    for line in lines:
        line.order = order
    return order


def tax_rows(order: Order, totals: Totals) -> list[OrderTax]:
    """The order's taxes, unsaved."""
    return [
        unsaved(
            OrderTax,
            order_id=order.id,
            rate=row.rate,
            reduced=row.reduced,
            net=row.net,
            tax=row.tax,
            gross=row.gross,
        )
        for row in totals.rows
    ]


def stock_label(line: OrderLine) -> dict[str, str]:
    """What a line's stock item is, for errors and events."""
    label = {"product_id": str(line.product_id)}
    return {**label, "variant_id": str(line.variant_id)} if line.variant_id else label


def units_by_product(lines: Iterable[OrderLine]) -> dict[uuid.UUID, int]:
    """Units sold of each product, its variants included."""
    units: dict[uuid.UUID, int] = {}
    for line in lines:
        units[line.product_id] = units.get(line.product_id, 0) + line.quantity
    return units


def _taking_stock(lines: Sequence[OrderLine], articles: Mapping[uuid.UUID, Saleable]) -> StockMove:
    items = {article.product_id: article.product_item_id for article in articles.values()}
    changes = [
        Change(
            stock_item_id=line.stock_item_id,
            quantity=-line.quantity,
            cause_id=line.id,
            label=stock_label(line),
        )
        for line in lines
    ]
    sold = {items[product]: units for product, units in units_by_product(lines).items()}
    return StockMove(changes, Kind.SOLD, cause_type=CAUSE, sold=sold)


# Of six digits, and more once there are more.
_NUMBER = """
INSERT INTO orders_ordernumber AS n (tenant_id, id, year, last) VALUES (%s, %s, %s, 1)
ON CONFLICT (tenant_id, year) DO UPDATE SET last = n.last + 1
RETURNING year || '-' || lpad(last::text, greatest(6, length(last::text)), '0') AS value
"""


def _next_number(placed_at: dt.datetime) -> Taken:
    """The tenant's next number of the year of that moment, in its time zone."""
    tenant = context.tenant()
    year = timezone.localtime(placed_at, zoneinfo.ZoneInfo(tenant.time_zone)).year
    return Taken("order_number", _NUMBER, [tenant.id, uuid7(), year])

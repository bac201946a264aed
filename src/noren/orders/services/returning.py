"""Goods that come back: all of an order or some of it, put back on sale or not."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import F, Sum
from django.utils.translation import gettext_lazy as _

from noren.inventory.services import Change, Kind, StockMove, count_sold, move_stock
from noren.orders.errors import NotReturnable
from noren.orders.models import (
    Order,
    OrderLine,
    OrderReturn,
    OrderTax,
    ReturnLine,
    ReturnTax,
)
from noren.orders.services.crediting import come_to, still_to_credit
from noren.orders.services.locking import (
    announce,
    lock_order,
    make_transition,
    require_transition,
)
from noren.orders.services.paying import payment_status_of
from noren.orders.services.placing import CAUSE, stock_label
from noren.orders.services.tax import TaxKey, TaxRow
from noren_kit.core import context
from noren_kit.core.errors import InvalidInput
from noren_kit.core.money import format_amount
from noren_kit.db.rows import insert_together


@dataclass(frozen=True, slots=True)
class ReturnedItem:
    """Units of one line of the order."""

    line_id: uuid.UUID
    quantity: int


Line = Any  # An OrderLine with `product_item_id`.


def return_order(
    order_id: uuid.UUID, *, items: Sequence[ReturnedItem] | None, restock: bool, reason: str
) -> None:
    """Take goods back; all that is left of the order where no items are named.

    With `restock` they are on sale again, else they are lost. What they had been charged at
    lessens what is owed; money is given back by a refund. Raises `NotFound`,
    `InvalidTransition`, `InvalidInput` naming each line that is not the order's, or
    `NotReturnable` naming every line of which fewer units are left.
    """
    order = lock_order(order_id)
    transition = require_transition(order, "return")
    lines: dict[uuid.UUID, Line] = {
        line.id: line
        for line in OrderLine.objects.filter(order_id=order.id).annotate(
            product_item_id=F("product__stock_item_id")
        )
    }
    returned = _returned_units(order)
    left = {line.id: line.quantity - returned.get(line.id, 0) for line in lines.values()}
    units = _units_left(left) if items is None else _units_named(items, left)
    credits = _credits(order, list(lines.values()), returned, units)
    row = _write_down(order, units, credits, restock=restock, reason=reason)
    order.returned_amount += row.gross
    order.payment_status = payment_status_of(order)
    sums = ["returned_amount", "payment_status"]
    if units == _units_left(left):
        make_transition(order, transition, *sums)
    else:
        order.save(update_fields=[*sums, "updated_at", "updated_by"])
    if restock:
        _put_back(lines, units)
    else:
        count_sold(_uncounted(lines, units))
    announce(
        order,
        transition.event,
        return_id=str(row.id),
        status=order.status,
        amount=format_amount(row.gross, order.currency),
    )


def _returned_units(order: Order) -> dict[uuid.UUID, int]:
    rows = ReturnLine.objects.filter(order_return__order_id=order.id).order_by()
    return dict(rows.values_list("order_line_id").annotate(units=Sum("quantity")))


def _units_left(left: Mapping[uuid.UUID, int]) -> dict[uuid.UUID, int]:
    return {line: units for line, units in left.items() if units > 0}


def _units_named(
    items: Sequence[ReturnedItem], left: Mapping[uuid.UUID, int]
) -> dict[uuid.UUID, int]:
    units: dict[uuid.UUID, int] = {}
    faults: dict[str, Any] = {}
    for at, item in enumerate(items):
        if item.line_id not in left:
            fault = {"code": "does_not_exist", "message": _("There is no such object.")}
            faults[str(at)] = {"item_id": [fault]}
        units[item.line_id] = units.get(item.line_id, 0) + item.quantity
    if faults:
        raise InvalidInput(details={"items": faults})
    above = [
        {"item_id": str(line), "requested": quantity, "returnable": left[line]}
        for line, quantity in units.items()
        if quantity > left[line]
    ]
    if above:
        raise NotReturnable(above)
    return units


def _amounts(lines: Sequence[Line], units: Mapping[uuid.UUID, int]) -> dict[TaxKey, Decimal]:
    """What these units stand at by rate, in the prices of the order."""
    found: dict[TaxKey, Decimal] = {}
    for line in lines:
        key = (line.tax_rate, line.reduced)
        amount = line.unit_price * units.get(line.id, 0)
        found[key] = found.get(key, Decimal(0)) + amount
    return found


def _credits(
    order: Order,
    lines: Sequence[Line],
    before: Mapping[uuid.UUID, int],
    units: Mapping[uuid.UUID, int],
) -> list[TaxRow]:
    """What this return is credited, by rate."""
    after = {line.id: before.get(line.id, 0) + units.get(line.id, 0) for line in lines}
    listed = _amounts(lines, {line.id: line.quantity for line in lines})
    parts = _amounts(lines, after)
    concerned = {(line.tax_rate, line.reduced) for line in lines if units.get(line.id)}
    credited = _credited(order)
    included = order.prices_include_tax
    found = []
    for charged in OrderTax.objects.filter(order_id=order.id):
        key = (charged.rate, charged.reduced)
        if key not in concerned:
            continue
        total = come_to(
            TaxRow(*key, net=charged.net, tax=charged.tax, gross=charged.gross),
            listed=listed[key],
            part=parts[key],
            included=included,
            currency=order.currency,
            rounding=context.tenant().tax_rounding,
        )
        earlier = credited.get(key, TaxRow(*key, Decimal(0), Decimal(0), Decimal(0)))
        found.append(still_to_credit(total, earlier, included=included))
    return found


def _credited(order: Order) -> dict[TaxKey, TaxRow]:
    rows = (
        ReturnTax.objects.filter(order_return__order_id=order.id)
        .order_by()
        .values_list("rate", "reduced")
        .annotate(nets=Sum("net"), taxes=Sum("tax"), grosses=Sum("gross"))
    )
    return {
        (rate, reduced): TaxRow(rate, reduced, net, tax, gross)
        for rate, reduced, net, tax, gross in rows
    }


def _write_down(
    order: Order,
    units: Mapping[uuid.UUID, int],
    credits: Sequence[TaxRow],
    *,
    restock: bool,
    reason: str,
) -> OrderReturn:
    row = OrderReturn(
        order=order,
        restock=restock,
        reason=reason,
        created_by_id=context.actor_id(),
        net=sum((each.net for each in credits), Decimal(0)),
        tax=sum((each.tax for each in credits), Decimal(0)),
        gross=sum((each.gross for each in credits), Decimal(0)),
    )
    lines = [
        ReturnLine(order_return=row, order_line_id=line, quantity=quantity)
        for line, quantity in units.items()
    ]
    taxes = [
        ReturnTax(
            order_return=row,
            rate=each.rate,
            reduced=each.reduced,
            net=each.net,
            tax=each.tax,
            gross=each.gross,
        )
        for each in credits
    ]
    insert_together([row], lines, taxes)
    return row


def _put_back(lines: Mapping[uuid.UUID, Line], units: Mapping[uuid.UUID, int]) -> None:
    changes = [
        Change(
            stock_item_id=lines[line].stock_item_id,
            quantity=quantity,
            cause_id=line,
            label=stock_label(lines[line]),
        )
        for line, quantity in units.items()
    ]
    sold = _uncounted(lines, units)
    move_stock(StockMove(changes, Kind.RETURNED, cause_type=CAUSE, sold=sold))


def _uncounted(
    lines: Mapping[uuid.UUID, Line], units: Mapping[uuid.UUID, int]
) -> dict[uuid.UUID, int]:
    """What the stock items of the lines' products have sold less."""
    by_item: dict[uuid.UUID, int] = {}
    for line, quantity in units.items():
        item = lines[line].product_item_id
        by_item[item] = by_item.get(item, 0) - quantity
    return by_item

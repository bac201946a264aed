"""What returned goods had been charged at, so that all returns together give back exactly that.

Each return is credited the difference between what all returns so far come to and what had been
credited before. What they come to is worked out from the returned part as a whole, as the order
itself was: its share of the discount, then its tax, rounded once per rate. So however the goods
are split over returns, the roundings of single returns never add up.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

from noren.orders.services.tax import TaxRow, tax_on
from noren_kit.core.money import quantum_of


def come_to(
    charged: TaxRow,
    *,
    listed: Decimal,
    part: Decimal,
    included: bool,
    currency: str,
    rounding: str,
) -> TaxRow:
    """What `part` of an order's goods at one rate comes to.

    `listed` is the sum of the order's subtotals at that rate, of which `part` is a part; the
    difference between it and what was charged is the rate's share of the discount. All of the
    goods come to what was charged.
    """
    if part == listed:
        return charged
    base = charged.gross if included else charged.net
    whole = (listed - base) * part / listed
    discount = whole.quantize(quantum_of(currency), rounding=ROUND_FLOOR)
    key = (charged.rate, charged.reduced)
    row = tax_on(key, part - discount, included=included, currency=currency, rounding=rounding)
    # The tenant's rounding may be another than it was when the order was placed.
    return _with_tax(row, min(row.tax, charged.tax), included)


def _with_tax(row: TaxRow, tax: Decimal, included: bool) -> TaxRow:
    if included:
        return TaxRow(row.rate, row.reduced, row.gross - tax, tax, row.gross)
    return TaxRow(row.rate, row.reduced, row.net, tax, row.net + tax)


def still_to_credit(total: TaxRow, before: TaxRow, *, included: bool) -> TaxRow:
    """What is left of `total` where `before` has been credited already."""
    total = _with_tax(total, max(total.tax, before.tax), included)
    return TaxRow(
        total.rate,
        total.reduced,
        net=total.net - before.net,
        tax=total.tax - before.tax,
        gross=total.gross - before.gross,
    )

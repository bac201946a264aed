"""Totals of an order: tax rounded once per rate, amounts that add up exactly.

Japan's qualified invoices round once per rate per invoice, never per line (Enforcement Order of
the Consumption Tax Act, article 70-10; National Tax Agency, "Invoice System Q&A").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from noren_kit.core.money import quantum_of, round_amount

TaxKey = tuple[Decimal, bool]


@dataclass(frozen=True, slots=True)
class Priced:
    """What a line adds to the totals: its subtotal, its rate in per cent, reduced or not."""

    subtotal: Decimal
    rate: Decimal
    reduced: bool


@dataclass(frozen=True, slots=True)
class TaxRow:
    """All of an order's amounts at one rate; `net + tax == gross`."""

    rate: Decimal
    reduced: bool
    net: Decimal
    tax: Decimal
    gross: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    subtotal: Decimal
    discount: Decimal
    tax: Decimal
    total: Decimal
    rows: tuple[TaxRow, ...]


def spread_discount(
    discount: Decimal, amounts: Sequence[Decimal], quantum: Decimal
) -> list[Decimal]:
    """Split a discount in proportion to `amounts`, no share above its amount.

    Shares are rounded down; the units that remain go one each to the shares that lost most by
    it, the larger amount first (largest remainder method). Amounts and discount are multiples of
    `quantum`, and the discount does not exceed the sum.
    """
    if not discount:
        return [Decimal(0) for _ in amounts]
    whole = [int(amount / quantum) for amount in amounts]
    total, units = sum(whole), int(discount / quantum)
    parts = [divmod(units * amount, total) for amount in whole]
    shares = [share for share, _lost in parts]
    by_loss = sorted(range(len(parts)), key=lambda at: (parts[at][1], whole[at]), reverse=True)
    for at in by_loss[: units - sum(shares)]:
        shares[at] += 1
    return [share * quantum for share in shares]


def tax_on(key: TaxKey, amount: Decimal, *, included: bool, currency: str, rounding: str) -> TaxRow:
    """An amount in the prices of the order, split into net, tax and gross."""
    rate, reduced = key
    if included:
        tax = round_amount(amount * rate / (100 + rate), currency, rounding)
        return TaxRow(rate, reduced, net=amount - tax, tax=tax, gross=amount)
    tax = round_amount(amount * rate / 100, currency, rounding)
    return TaxRow(rate, reduced, net=amount, tax=tax, gross=amount + tax)


def total_up(
    lines: Iterable[Priced],
    *,
    discount: Decimal,
    prices_include_tax: bool,
    currency: str,
    rounding: str,
) -> Totals:
    """The totals of lines under a discount of the whole order, in the currency's precision.

    Rows are ordered by falling rate. The discount must not exceed the subtotal.
    """
    by_rate: dict[TaxKey, Decimal] = {}
    for line in lines:
        key = (line.rate, line.reduced)
        by_rate[key] = by_rate.get(key, Decimal(0)) + line.subtotal
    keys = sorted(by_rate, reverse=True)
    amounts = [by_rate[key] for key in keys]
    shares = spread_discount(discount, amounts, quantum_of(currency))
    rows = tuple(
        tax_on(
            key,
            amount - share,
            included=prices_include_tax,
            currency=currency,
            rounding=rounding,
        )
        for key, amount, share in zip(keys, amounts, shares, strict=True)
    )
    return Totals(
        subtotal=sum(amounts, Decimal(0)),
        discount=discount,
        tax=sum((row.tax for row in rows), Decimal(0)),
        total=sum((row.gross for row in rows), Decimal(0)),
        rows=rows,
    )

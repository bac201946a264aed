"""What must be there before the first invoice: products with opening stock, customers.

The file has sales alone, so names, prices and opening stock are drawn from all of its lines, in
one pass that also takes the sums which the import is held to in the end.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from noren.catalog.services import ImportedProduct
from noren.imports.online_retail.invoices import Invoice, sort_lines
from noren.imports.online_retail.lines import GUEST, Kind, Line, figures
from noren.orders.services import ImportedCustomer
from noren_kit.jobs.running import Issue

GOODS = "Goods"
CHARGES = "Charges and services"
_CHARGES = frozenset(
    {"AMAZONFEE", "B", "BANK CHARGES", "C2", "CRUK", "D", "DOT", "M", "POST", "S", "m"}
)
_VOUCHERS = "gift_"
MIN_PRICE = Decimal("0.01")
# Further names or prices of one code are not candidates: memory stays bounded.
MAX_CANDIDATES = 50


@dataclass(slots=True)
class _Tally:
    """How often each value stood in the file, and where last."""

    seen: dict[object, list[int]] = field(default_factory=dict)

    def add(self, value: object, line: int) -> None:
        entry = self.seen.get(value)
        if entry is not None:
            entry[0] += 1
            entry[1] = line
        elif len(self.seen) < MAX_CANDIDATES:
            self.seen[value] = [1, line]

    def best(self) -> object | None:
        """The most frequent value; of several, the one that stood last."""
        return max(self.seen, key=lambda value: self.seen[value], default=None)


@dataclass(slots=True)
class ProductPlan:
    """What the file says of one code."""

    names: _Tally = field(default_factory=_Tally)
    notes: _Tally = field(default_factory=_Tally)
    prices: _Tally = field(default_factory=_Tally)
    # Units added to the stock so far, and the lowest that this has been.
    balance: int = 0
    lowest: int = 0

    def add(self, line: Line) -> None:
        self.balance += line.quantity if line.kind is Kind.LOSS else -line.quantity
        self.lowest = min(self.lowest, self.balance)
        if line.name and line.price:
            self.names.add(line.name, line.line)
        elif line.name and line.name != line.name.lower():
            self.notes.add(line.name, line.line)
        if line.price >= MIN_PRICE and line.kind is Kind.SALE:
            self.prices.add(line.price, line.line)

    def product(self, sku: str, closing_stock: int) -> ImportedProduct:
        """The product to be made; see the guide for the rules of name, price and stock."""
        price = self.prices.best()
        charge = sku in _CHARGES or sku.startswith(_VOUCHERS)
        status = "archived" if charge else "draft" if price is None else "active"
        return ImportedProduct(
            sku=sku,
            name=str(self.names.best() or self.notes.best() or sku),
            price=price if isinstance(price, Decimal) else MIN_PRICE,
            status=status,
            category=CHARGES if charge else GOODS,
            opening=max(-self.lowest, closing_stock - self.balance),
        )


@dataclass(slots=True)
class FileSums:
    """The file's own sums, over all of its lines, sound or not. `amount` is in pounds."""

    lines: int = 0
    units: int = 0
    amount: Decimal = Decimal(0)
    cancellations: int = 0
    adjustments: int = 0
    losses: int = 0
    numbers: set[str] = field(default_factory=set)

    @property
    def invoices(self) -> int:
        return len(self.numbers)

    def add_lines(self, number: str, lines: Sequence[Line]) -> None:
        """Sound lines of one invoice."""
        self.lines += len(lines)
        self.units += sum(line.quantity for line in lines)
        self.amount += sum((line.quantity * line.price for line in lines), Decimal(0))
        self._add_number(number)

    def add_issue(self, issue: Issue) -> None:
        self.lines += 1
        number = issue.raw.get("InvoiceNo")
        if number is None:
            return
        units, amount = figures(issue.raw["Quantity"], issue.raw["UnitPrice"])
        self.units += units
        self.amount += amount
        self._add_number(number)

    def _add_number(self, number: str) -> None:
        if number not in self.numbers:
            self.numbers.add(number)
            self.cancellations += number.startswith("C")
            self.adjustments += number.startswith("A")


@dataclass(slots=True)
class Plan:
    """All that one pass over the invoices tells."""

    products: dict[str, ProductPlan] = field(default_factory=dict)
    countries: dict[str, str] = field(default_factory=dict)
    sums: FileSums = field(default_factory=FileSums)
    earliest: dt.datetime | None = None
    last_line: int = 0

    def add(self, invoice: Invoice) -> None:
        found = sort_lines(invoice)
        for issue in invoice.issues:
            self.sums.add_issue(issue)
        if invoice.lines:
            self.sums.add_lines(invoice.number, invoice.lines)
        for line in (*found.traded, *found.lost):
            product = self.products.get(line.sku)
            if product is None:
                product = self.products[line.sku] = ProductPlan()
            product.add(line)
        if found.traded:
            first = found.traded[0]
            self.countries[first.customer] = first.country
        self.sums.losses += bool(found.lost)
        self.earliest = self._earliest(invoice)
        self.last_line = max(self.last_line, invoice.position)

    def _earliest(self, invoice: Invoice) -> dt.datetime | None:
        moments = [line.placed_at for line in invoice.lines]
        if self.earliest is not None:
            moments.append(self.earliest)
        return min(moments, default=None)

    def customers(self) -> list[ImportedCustomer]:
        """Every customer of an order; those of invoices without one are the guest."""
        return [
            ImportedCustomer(customer, customer_name(customer, country))
            for customer, country in self.countries.items()
        ]


def customer_name(customer: str, country: str) -> str:
    """The file has no names: a customer is called by number and country of the last invoice."""
    if customer == GUEST:
        return "Guest (no customer in the file)"
    return f"Customer {customer} ({country})" if country else f"Customer {customer}"


def make_plan(invoices: Iterable[Invoice]) -> Plan:
    """Read all invoices once."""
    plan = Plan()
    for invoice in invoices:
        plan.add(invoice)
    return plan

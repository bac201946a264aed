"""Which lines make an invoice, and what becomes of it: an order, a credit, stock losses.

The file is read as a stream, yet an invoice's lines may stand apart. Lines that stray are
collected in a first pass and put behind the others of their invoice; how many may, is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from noren.imports.online_retail.lines import Kind, Line, issue_of, read_line
from noren_kit.jobs.running import Issue
from noren_kit.jobs.sources import Record

MAX_INVOICE_LINES = 10_000
MAX_STRAYS = 10_000

Strays = dict[str, list[Line | Issue]]


@dataclass(slots=True)
class Invoice:
    """An invoice's sound and refused lines, in the order of the file.

    `position` is the file's line up to which everything is settled with this invoice.
    """

    number: str
    lines: list[Line] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    position: int = 0

    @property
    def size(self) -> int:
        return len(self.lines) + len(self.issues)

    def add(self, item: Line | Issue) -> None:
        if isinstance(item, Line):
            self.lines.append(item)
        else:
            self.issues.append(item)


@dataclass(slots=True)
class Sorted:
    """What becomes of an invoice: `traded` lines make one order, `lost` ones leave the stock."""

    traded: list[Line]
    lost: list[Line]
    issues: list[Issue]


def _number(record: Record) -> str:
    return record.values[0] if record.values else ""


class _Runs:
    """Cuts the file into runs of lines with the same number, the same in each pass."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._current: str | None = None
        self._length = 0

    def strays(self, number: str) -> bool:
        """Whether a line belongs to an invoice whose run is over; else it is in its run now."""
        if number == self._current and self._length < MAX_INVOICE_LINES:
            self._length += 1
            return False
        if number in self._seen:
            return True
        self._seen.add(number)
        self._current, self._length = number, 1
        return False


def find_strays(records: Iterable[Record]) -> Strays:
    """The first pass: lines apart from the run of their invoice, at most 10,000 of them."""
    runs, found, count = _Runs(), Strays(), 0
    for record in records:
        number = _number(record)
        if runs.strays(number) and count < MAX_STRAYS:
            found.setdefault(number, []).append(read_line(record))
            count += 1
    return found


def read_invoices(records: Iterable[Record], strays: Strays) -> Iterator[Invoice]:
    """Invoices in the order of their first lines, each with its straying lines behind the rest.

    A straying line too many makes an invoice of its own, refused at once.
    """
    runs, skipped, invoice = _Runs(), 0, None
    for record in records:
        number = _number(record)
        if runs.strays(number):
            skipped += 1
            if skipped > MAX_STRAYS:
                yield Invoice(number, issues=[_scattered(record)], position=record.last_line)
            continue
        if invoice is None or number != invoice.number:
            if invoice is not None:
                yield _complete(invoice, strays)
            invoice = Invoice(number)
        invoice.add(read_line(record))
        invoice.position = record.last_line
    if invoice is not None:
        yield _complete(invoice, strays)


def _complete(invoice: Invoice, strays: Strays) -> Invoice:
    for item in strays.get(invoice.number, ()):
        invoice.add(item)
    return invoice


def _scattered(record: Record) -> Issue:
    reason = "The invoice's lines are too many, or stand too far apart in the file."
    return issue_of(record.line, record.last_line, record.values, "scattered", reason)


def refuse(line: Line, code: str, reason: str) -> Issue:
    """A sound line that is left out for what stands around it."""
    return issue_of(line.line, line.last_line, line.values, code, reason)


UNMATCHED = {
    "customer": "The credit names no customer whose order it could refer to.",
    "order": "The customer has no earlier order of this product in the file.",
    "price": "The customer's earlier orders of this product were at other prices.",
    "quantity": "No earlier order of the customer has as many units left at this price.",
}


def unmatched(line: Line, lacks: str) -> Issue:
    """A credited line that is no return of an order, because of what was not found."""
    issue = issue_of(line.line, line.last_line, line.values, f"credit_{lacks}", UNMATCHED[lacks])
    return replace(issue, kept=True)


def sort_lines(invoice: Invoice) -> Sorted:
    """Trade, stock losses, and lines that contradict the rest of their invoice."""
    traded: list[Line] = []
    lost: list[Line] = []
    issues = list(invoice.issues)
    for line in invoice.lines:
        if line.kind is Kind.LOSS:
            lost.append(line)
        elif traded and line.customer != traded[0].customer:
            reason = f"The invoice's first line names customer {traded[0].customer}."
            issues.append(refuse(line, "customer", reason))
        else:
            traded.append(line)
    if traded and lost:
        reason = "A stock loss stands on an invoice with other lines."
        issues += [refuse(line, "loss_on_invoice", reason) for line in lost]
        lost = []
    return Sorted(traded, lost, issues)

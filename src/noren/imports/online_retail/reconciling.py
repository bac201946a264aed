"""Is every line accounted for? What the database holds of an import, against the file's sums."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from noren.imports.online_retail.importing import LOSS, loss_id
from noren.imports.online_retail.invoices import UNMATCHED
from noren.imports.online_retail.lines import figures
from noren.imports.online_retail.planning import FileSums
from noren.inventory.queries import find_differences, list_causes, sum_movements
from noren.orders.queries import find_external_numbers, sum_imported
from noren_kit.jobs.queries import list_issues

_CHUNK = 5_000
# Lines that are in the report, and in the database as credits.
_KEPT = {f"credit_{lacks}" for lacks in UNMATCHED}


@dataclass(frozen=True, slots=True)
class Share:
    """One target's share of the file; `amount` in pounds, as the lines add up."""

    name: str
    invoices: int
    lines: int
    units: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The shares, the file's own sums, and items whose counter is not the sum of their ledger."""

    shares: tuple[Share, ...]
    file: Share
    stock_differences: int

    @property
    def found(self) -> Share:
        """All shares together."""
        return Share(
            "found",
            sum(share.invoices for share in self.shares),
            sum(share.lines for share in self.shares),
            sum(share.units for share in self.shares),
            sum((share.amount for share in self.shares), Decimal(0)),
        )

    @property
    def holds(self) -> bool:
        """Whether every invoice, line, unit and penny is found, and the ledger explains stock."""
        found, file = self.found, self.file
        return self.stock_differences == 0 and (
            (found.invoices, found.lines, found.units, found.amount)
            == (file.invoices, file.lines, file.units, file.amount)
        )

    def rows(self) -> Iterator[str]:
        """A table for people."""
        yield f"{'':<24}{'invoices':>10}{'lines':>10}{'units':>14}{'amount':>20}"
        for share in (*self.shares, self.found, self.file):
            yield (
                f"{share.name:<24}{share.invoices:>10,}{share.lines:>10,}"
                f"{share.units:>14,}{share.amount:>20,.3f}"
            )


def reconcile(job_id: uuid.UUID, sums: FileSums) -> Reconciliation:
    """Count what the entered tenant's database holds of a finished job; only reads."""
    orders = sum_imported(job_id)
    losses = sum_movements(cause_type=LOSS, request_id=str(job_id))
    shares = [
        Share(name, found.numbers, found.lines, found.units, found.amount)
        for kind, name in (("sale", "orders"), ("return", "returns"), ("credit", "credits"))
        if (found := orders.get(kind))
    ]
    # A loss has no price: the file's is 0, or the line would not be one.
    shares.append(Share("stock losses", losses.causes, losses.entries, losses.units, Decimal(0)))
    shares.append(_reported(job_id))
    return Reconciliation(
        shares=tuple(shares),
        file=Share("the file", sums.invoices, sums.lines, sums.units, sums.amount),
        stock_differences=sum(1 for _ in find_differences()),
    )


def _reported(job_id: uuid.UUID) -> Share:
    """The lines left out; of invoices, those of which nothing else was brought in."""
    lines, units, amount = 0, 0, Decimal(0)
    numbers: set[str] = set()
    for issue in list_issues(job_id):
        if issue.code in _KEPT:
            continue
        lines += 1
        if "InvoiceNo" in issue.raw:
            numbers.add(issue.raw["InvoiceNo"])
            more_units, more_amount = figures(issue.raw["Quantity"], issue.raw["UnitPrice"])
            units += more_units
            amount += more_amount
    return Share("report", len(_alone(job_id, numbers)), lines, units, amount)


def _alone(job_id: uuid.UUID, numbers: set[str]) -> set[str]:
    """Those numbers of which the job brought in neither an order nor a stock loss."""
    causes = list_causes(cause_type=LOSS, request_id=str(job_id)) if numbers else set()
    alone = {number for number in numbers if loss_id(job_id, number) not in causes}
    every = sorted(alone)
    for start in range(0, len(every), _CHUNK):
        alone -= find_external_numbers(every[start : start + _CHUNK], job_id=job_id)
    return alone

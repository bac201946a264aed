"""The steps of the job: products and customers first, then the invoices in batches, then sales.

Each step sends a number of statements that does not grow with its lines.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from noren.catalog.queries import find_stocked
from noren.catalog.services import ImportedProduct, import_products
from noren.imports.online_retail.invoices import (
    Invoice,
    Sorted,
    Strays,
    find_strays,
    read_invoices,
    refuse,
    sort_lines,
    unmatched,
)
from noren.imports.online_retail.lines import COLUMNS, GUEST, Kind, Line
from noren.imports.online_retail.planning import Plan, customer_name, make_plan
from noren.inventory.services import Kind as MovementKind
from noren.inventory.services import PastMovement, record_movements
from noren.orders.queries import find_customers_by_external_id, find_external_numbers
from noren.orders.services import (
    ImportedCustomer,
    PastLine,
    PastOrder,
    count_imported_sales,
    import_customers,
    import_orders,
)
from noren_kit.jobs.errors import JobError
from noren_kit.jobs.models import Job
from noren_kit.jobs.running import Issue, Step
from noren_kit.jobs.sources import CsvSource

KIND = "online_retail"
LOSS = "stock_loss"
BATCH_LINES = 5_000
BATCH_ROWS = 5_000

Row = TypeVar("Row")


class _Product(NamedTuple):
    """Where a code's lines go; ids as text, as bulk statements take them."""

    id: str
    stock_item_id: str
    name: str


@dataclass(slots=True)
class _Batch:
    invoices: list[Invoice] = field(default_factory=list)
    lines: int = 0

    @property
    def position(self) -> int:
        return self.invoices[-1].position


class OnlineRetail:
    """Imports one file into the entered tenant. Reads the file twice before the first step."""

    kind = KIND

    def __init__(self, source: CsvSource, *, closing_stock: int = 0) -> None:
        self._source = source
        self._closing_stock = closing_stock
        self._strays: Strays = find_strays(source.records())
        self.plan: Plan = make_plan(self._invoices())
        self._products: dict[str, _Product] = {}
        self._customers: dict[str, uuid.UUID] = {}

    def _invoices(self) -> Iterator[Invoice]:
        return read_invoices(self._source.records(), self._strays)

    def steps(self, job: Job) -> Iterator[Step]:
        """See `noren_kit.jobs.running.Importer`."""
        if job.position == 0:
            yield from self._preparations()
        for batch in self._batches(after=job.position):
            yield Step(batch.position, batch.lines, partial(self._write, job, batch))
        # Behind the last line, so that it is never taken for a step of the file.
        yield Step(self.plan.last_line + 1, 0, partial(self._finish, job))

    def _preparations(self) -> Iterator[Step]:
        products = [
            plan.product(sku, self._closing_stock) for sku, plan in self.plan.products.items()
        ]
        for chunk in _chunks(products):
            yield Step(0, 0, partial(self._import_products, chunk))
        for people in _chunks(self.plan.customers()):
            yield Step(0, 0, partial(self._import_customers, people))

    def _import_products(self, products: Sequence[ImportedProduct]) -> Sequence[Issue]:
        import_products(products, opened_at=self.plan.earliest or dt.datetime.now(dt.UTC))
        return ()

    def _import_customers(self, customers: Sequence[ImportedCustomer]) -> Sequence[Issue]:
        import_customers(customers)
        return ()

    def _batches(self, after: int) -> Iterator[_Batch]:
        batch = _Batch()
        for invoice in self._invoices():
            if invoice.position <= after:
                continue
            batch.invoices.append(invoice)
            batch.lines += invoice.size
            if batch.lines >= BATCH_LINES:
                yield batch
                batch = _Batch()
        if batch.invoices:
            yield batch

    def _finish(self, job: Job) -> Sequence[Issue]:
        count_imported_sales(job.id)
        return ()

    def _write(self, job: Job, batch: _Batch) -> Sequence[Issue]:
        self._look_up()
        taken = find_external_numbers([each.number for each in batch.invoices if each.lines])
        issues: list[Issue] = []
        orders: list[PastOrder] = []
        losses: list[PastMovement] = []
        for invoice in batch.invoices:
            found = sort_lines(invoice)
            issues += found.issues
            if invoice.number in taken:
                issues += [_existing(line) for line in (*found.traded, *found.lost)]
                continue
            if found.traded:
                orders.append(self._order(found))
            losses += [self._loss(job, line) for line in found.lost]
        credits = {
            line.line: line
            for invoice in batch.invoices
            for line in invoice.lines
            if line.kind is Kind.CREDIT
        }
        issues += [
            unmatched(credits[each.key], each.lacks)
            for each in import_orders(orders, job_id=job.id)
        ]
        record_movements(losses, cause_type=LOSS)
        return issues

    def _look_up(self) -> None:
        """Read ids once a run; they don't change after the preparations."""
        if self._products or not self.plan.products:
            return
        self._products = {
            sku: _Product(str(found.id), str(found.stock_item_id), found.name)
            for sku, found in find_stocked(list(self.plan.products)).items()
        }
        self._customers = {
            external: customer.id
            for external, customer in find_customers_by_external_id(
                list(self.plan.countries)
            ).items()
        }
        gone = sorted(self.plan.products.keys() - self._products.keys())
        gone += sorted(self.plan.countries.keys() - self._customers.keys())
        if gone:
            raise JobError(
                "Since the import began these products or customers were deleted:"
                f" {', '.join(gone[:10])}. Restore them and run it again."
            )

    def _order(self, found: Sorted) -> PastOrder:
        first = found.traded[0]
        return PastOrder(
            external_number=first.invoice,
            kind="credit" if first.kind is Kind.CREDIT else "sale",
            customer_id=self._customers[first.customer],
            customer_name=customer_name(first.customer, first.country),
            placed_at=min(line.placed_at for line in found.traded),
            address=first.country,
            lines=[self._line(line) for line in found.traded],
            customer_known=first.customer != GUEST,
        )

    def _line(self, line: Line) -> PastLine:
        product = self._products[line.sku]
        return PastLine(
            product.id,
            product.stock_item_id,
            line.sku,
            line.name or product.name,
            line.quantity,
            line.price,
            key=line.line,
        )

    def _loss(self, job: Job, line: Line) -> PastMovement:
        return PastMovement(
            self._products[line.sku].stock_item_id,
            MovementKind.ADJUSTED,
            line.quantity,
            line.placed_at,
            cause_id=str(loss_id(job.id, line.invoice)),
            reason=line.name or "no reason in the file",
        )


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), BATCH_ROWS):
        yield rows[start : start + BATCH_ROWS]


def loss_id(job_id: uuid.UUID, invoice: str) -> uuid.UUID:
    """What a stock loss's ledger entries name as their cause: the invoice of this import."""
    return uuid.uuid5(job_id, invoice)


def _existing(line: Line) -> Issue:
    return refuse(line, "invoice_exists", "The tenant already has an order with this number.")


def make_source(path: Path) -> CsvSource:
    """The file as a source of the columns that this import reads."""
    return CsvSource(path, COLUMNS)

"""From a file and a tenant's name to a finished import: what the command calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import DatabaseError, ProgrammingError
from django.db.models import Q
from django.utils.text import slugify

from noren.imports.online_retail.importing import KIND, OnlineRetail, make_source
from noren.imports.online_retail.lines import CURRENCY
from noren.imports.online_retail.reconciling import Reconciliation, reconcile
from noren_kit.accounts.provisioning import create_tenant
from noren_kit.core.money import Rounding
from noren_kit.jobs.errors import JobError
from noren_kit.jobs.models import Job
from noren_kit.jobs.queries import count_issues, list_jobs
from noren_kit.jobs.running import Progress, Source, run_job, start_job
from noren_kit.tenancy.entering import enter
from noren_kit.tenancy.models import Tenant

# For what the shop sells from now on (value added tax, United Kingdom). The file's own amounts
# are taken as they are: its products stand in categories at 0 %.
STANDARD_TAX_RATE = Decimal(20)


@dataclass(frozen=True, slots=True)
class Result:
    """What a run ended with; `issues` counts the report's rows by code."""

    job: Job
    reconciliation: Reconciliation
    issues: dict[str, int]


def find_or_make_tenant(name: str) -> Tenant:
    """The active tenant with this slug or name, or a new one that trades in pounds.

    Raises `JobError` where the name is no tenant's and can't become one, names several, or the
    tenant is suspended or trades in another currency, or the schema is not there.
    """
    try:
        found = list(Tenant.objects.filter(Q(slug=name) | Q(name=name))[:2])
    except ProgrammingError as error:
        raise JobError("The database has no tables yet: run noren migrate first.") from error
    if len(found) > 1:
        raise JobError(f"Several tenants are called {name!r}: name the one by its slug.")
    if not found:
        return _make_tenant(name)
    if found[0].status != Tenant.Status.ACTIVE:
        raise JobError(f"The tenant {found[0].slug} is suspended.")
    if found[0].currency != CURRENCY:
        raise JobError(
            f"The file's prices are in {CURRENCY}, the tenant {found[0].slug} trades in"
            f" {found[0].currency}."
        )
    return found[0]


def _make_tenant(name: str) -> Tenant:
    slug = slugify(name)[:63]
    if not slug:
        raise JobError(f"{name!r} has no Latin letter or digit to make a slug of.")
    if Tenant.objects.filter(slug=slug).exists():
        raise JobError(f"{name!r} is no tenant's name, and {slug} is another tenant's slug.")
    try:
        return create_tenant(
            slug=slug,
            name=name,
            currency=CURRENCY,
            standard_tax_rate=STANDARD_TAX_RATE,
            tax_rounding=Rounding.HALF_UP,
            prices_include_tax=False,
            time_zone="Europe/London",
        )
    except (ValidationError, DatabaseError) as error:
        raise JobError(f"The tenant {name!r} can't be made: {error}") from error


def import_file(
    path: Path,
    tenant_name: str,
    *,
    closing_stock: int = 0,
    progress: Callable[[Progress, int], None] = lambda _progress, _lines: None,
) -> Result:
    """Bring the file in, or what is left of it, and count it against the database.

    The file is read and judged before anything is written. `progress` is told how far the
    run is and how many lines there are. Raises `JobError`.
    """
    if not 0 <= closing_stock <= 1_000_000:
        raise JobError("The closing stock must be from 0 to 1,000,000 units.")
    source = make_source(path)
    fingerprint = source.fingerprint()
    importer = OnlineRetail(source, closing_stock=closing_stock)
    tenant = find_or_make_tenant(tenant_name)
    with enter(tenant.id):
        job = start_job(
            KIND, Source(source.name, fingerprint, options={"closing_stock": closing_stock})
        )
        _refuse_second_file(job)
    lines = importer.plan.sums.lines
    job = run_job(job, importer, lambda now: progress(now, lines))
    with enter(tenant.id):
        return Result(job, reconcile(job.id, importer.plan.sums), count_issues(job.id))


def _refuse_second_file(job: Job) -> None:
    """Two files of one shop overlap, and a stock loss has no number to be recognised by."""
    for other in list_jobs(KIND):
        if other.id != job.id and other.position:
            raise JobError(
                f"This tenant holds the import of {other.source_name}, a file with other content."
                " Take another tenant for this one."
            )

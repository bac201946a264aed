"""`import_online_retail FILE --tenant NAME`: a shop's year, and the proof that all is there."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from noren.imports.online_retail.running import Result, import_file
from noren_kit.jobs.errors import JobError
from noren_kit.jobs.running import Progress

_SECONDS_BETWEEN_REPORTS = 2.0


class Command(BaseCommand):
    help = (
        "Bring invoice lines (UCI Online Retail, .csv or .csv.zst) into a tenant, which is made"
        " if it is missing. Goes on after an interruption; running it again changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--tenant", required=True, metavar="NAME", help="Its slug or name.")
        parser.add_argument(
            "--closing-stock",
            type=int,
            default=0,
            metavar="UNITS",
            help="Units that each product has at least after the file's last line.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._reported = time.monotonic()
        self.stderr.write(f"Reading {options['file'].name} …")
        try:
            result = import_file(
                options["file"],
                options["tenant"],
                closing_stock=options["closing_stock"],
                progress=self._progress,
            )
        except JobError as error:
            raise CommandError(str(error)) from error
        self._show(result)
        if not result.reconciliation.holds:
            self.stdout.flush()
            raise CommandError("The sums differ: see the table above.")

    def _progress(self, now: Progress, lines: int) -> None:
        last = now.lines_settled == lines
        if time.monotonic() - self._reported < _SECONDS_BETWEEN_REPORTS and not last:
            return
        self._reported = time.monotonic()
        part = 100 * now.lines_settled // lines if lines else 100
        end = "\r" if sys.stderr.isatty() and not last else "\n"
        self.stderr.write(
            f"{now.lines_settled:>10,} of {lines:,} lines ({part} %), {now.rate:,.0f} lines/s",
            ending=end,
        )

    def _show(self, result: Result) -> None:
        for row in result.reconciliation.rows():
            self.stdout.write(row)
        for code, count in result.issues.items():
            self.stdout.write(f"in the report: {count:,} × {code}")
        differences = result.reconciliation.stock_differences
        self.stdout.write(f"stock items that differ from their ledger: {differences:,}")
        self.stdout.write(f"job {result.job.id}: {result.job.status}")

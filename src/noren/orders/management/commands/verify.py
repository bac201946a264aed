"""`noren verify SUBJECT`: on the live database, what must hold does; reads only."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from noren.catalog.queries import find_rating_differences
from noren.inventory.queries import find_differences
from noren.orders.queries import find_unexplained_lines
from noren.orders.queries.verifying import (
    find_overreturned_lines,
    find_wrong_numbers,
    find_wrong_payments,
    find_wrong_rates,
    find_wrong_returns,
    find_wrong_totals,
)
from noren_kit.tenancy.entering import enter
from noren_kit.tenancy.models import Tenant
from noren_kit.tenancy.verifying import find_schema_faults, find_strays, find_visible_foreigners

Check = Callable[[], Iterator[dict[str, Any]]]

CHECKS: dict[str, dict[str, Check]] = {
    "ratings": {
        "counters are those of the approved reviews": find_rating_differences,
    },
    "stock": {
        "counter is the sum of the ledger": find_differences,
        "each order line moved its units once": find_unexplained_lines,
    },
    "totals": {
        "an order's sums are those of its lines and taxes": find_wrong_totals,
        "each rate is charged once, and no more than its lines": find_wrong_rates,
        "paid and refunded are the sums of the payments": find_wrong_payments,
        "returned is the sum of the returns": find_wrong_returns,
        "no more came back than was sold": find_overreturned_lines,
    },
    "numbers": {
        "a year's numbers are given without a gap, each once": find_wrong_numbers,
    },
    "isolation": {
        "every row refers to rows of its tenant": find_strays,
        "no row of another tenant is seen": find_visible_foreigners,
    },
}
# What is asked once, and not in each tenant.
OF_THE_SCHEMA: dict[str, dict[str, Check]] = {
    "isolation": {"the schema holds the rules of isolation": find_schema_faults},
}


class Command(BaseCommand):
    help = "Check invariants on the live database, tenant by tenant; exit status 1 on a fault."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("subject", choices=sorted(CHECKS))
        parser.add_argument("--tenant", help="Slug of one tenant; all of them without it.")
        parser.add_argument("--json", action="store_true", help="One JSON object a fault.")

    def handle(self, *args: Any, **options: Any) -> None:
        self.subject, self.as_json = options["subject"], options["json"]
        tenants = Tenant.objects.all()
        if options["tenant"]:
            tenants = tenants.filter(slug=options["tenant"])
            if not tenants:
                raise CommandError(f"There is no tenant {options['tenant']!r}.")
        faults = 0
        for name, check in OF_THE_SCHEMA.get(self.subject, {}).items():
            faults += self._report(None, name, check)
        for at, tenant in enumerate(tenants, start=1):
            self.place = f"{at}/{len(tenants)}"
            faults += self._verify(tenant)
        if faults:
            sys.exit(1)

    def _verify(self, tenant: Tenant) -> int:
        faults = 0
        with enter(tenant.id, suspended=True):
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION READ ONLY")
                # A large tenant takes longer than a request may.
                cursor.execute(
                    "SELECT set_config(name, '0', true) FROM pg_settings"
                    " WHERE name IN ('statement_timeout', 'transaction_timeout')"
                )
            for name, check in CHECKS[self.subject].items():
                self._progress(f"[{self.place}] {tenant.slug}: {name}")
                faults += self._report(tenant.slug, name, check)
        if not self.as_json:
            verdict = f"{faults} faults" if faults else "in order"
            self.stdout.write(f"{tenant.slug}: {self.subject} {verdict}")
        return faults

    def _report(self, tenant: str | None, name: str, check: Check) -> int:
        faults = 0
        for fault in check():
            faults += 1
            row = {"tenant": tenant, "check": name, **fault}
            self.stdout.write(json.dumps(row) if self.as_json else f"  {name}: {fault}")
        return faults

    def _progress(self, text: str) -> None:
        """Where it is, for whoever watches."""
        if self.stderr.isatty():
            self.stderr.write(text)

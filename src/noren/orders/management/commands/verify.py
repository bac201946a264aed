"""`verify stock` and `verify ratings`: on the live database, sums add up; reads only."""

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
from noren_kit.tenancy.entering import enter
from noren_kit.tenancy.models import Tenant

Check = Callable[[], Iterator[dict[str, Any]]]

CHECKS: dict[str, dict[str, Check]] = {
    "ratings": {
        "counters are those of the approved reviews": find_rating_differences,
    },
    "stock": {
        "counter is the sum of the ledger": find_differences,
        "each order line moved its units once": find_unexplained_lines,
    },
}


class Command(BaseCommand):
    help = "Check invariants on the live database, tenant by tenant; exit status 1 on a fault."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("subject", choices=sorted(CHECKS))
        parser.add_argument("--tenant", help="Slug of one tenant; all of them without it.")
        parser.add_argument("--json", action="store_true", help="One JSON object a fault.")

    def handle(self, *args: Any, **options: Any) -> None:
        tenants = Tenant.objects.all()
        if options["tenant"]:
            tenants = tenants.filter(slug=options["tenant"])
            if not tenants:
                raise CommandError(f"There is no tenant {options['tenant']!r}.")
        faults = 0
        for tenant in tenants:
            found = self._verify(tenant, CHECKS[options["subject"]], as_json=options["json"])
            faults += found
            if not options["json"]:
                verdict = f"{found} faults" if found else "in order"
                self.stdout.write(f"{tenant.slug}: {options['subject']} {verdict}")
        if faults:
            sys.exit(1)

    def _verify(self, tenant: Tenant, checks: dict[str, Check], *, as_json: bool) -> int:
        faults = 0
        with enter(tenant.id, suspended=True):
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION READ ONLY")
                # A large tenant takes longer than a request may.
                cursor.execute(
                    "SELECT set_config(name, '0', true) FROM pg_settings"
                    " WHERE name IN ('statement_timeout', 'transaction_timeout')"
                )
            for name, check in checks.items():
                for fault in check():
                    faults += 1
                    row = {"tenant": tenant.slug, "check": name, **fault}
                    self.stdout.write(json.dumps(row) if as_json else f"  {name}: {fault}")
        return faults

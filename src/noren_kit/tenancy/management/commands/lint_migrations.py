"""Refuses migrations that hold others up, unless they say why (docs/guides/migrations.md)."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db.migrations.loader import MigrationLoader

from noren_kit.db.migration_risks import risks_of


class Command(BaseCommand):
    help = "Judge the migrations that are not in the baseline, which is what was released."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("baseline", type=Path, help="app.name of each released migration.")
        parser.add_argument("--release", action="store_true", help="Take in all that there are.")

    def handle(self, *args: Any, **options: Any) -> None:
        baseline: Path = options["baseline"]
        ours = {each.label for each in apps.get_app_configs() if each.name.startswith("noren")}
        found = {
            f"{app}.{name}": migration
            for (app, name), migration in MigrationLoader(None).disk_migrations.items()
            if app in ours
        }
        if options["release"]:
            baseline.write_text("\n".join(sorted(found)) + "\n")
            return
        released = set(baseline.read_text().split())
        gone = released - set(found)
        faults = [f"{name} was released and is gone." for name in sorted(gone)]
        for name in sorted(set(found) - released):
            if not getattr(found[name], "accepted_risks", ""):
                faults += [f"{name}: {risk}." for risk in risks_of(found[name])]
        if faults:
            raise CommandError("\n".join(faults))
        self.stdout.write(f"{len(found) - len(released)} new migrations hold nobody up.")

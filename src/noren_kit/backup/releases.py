"""Whether a backup's schema is that of where it goes."""

from __future__ import annotations

import os
from collections.abc import Collection

import django
from django.apps import apps
from django.db.migrations.loader import MigrationLoader

from noren_kit.backup.folders import BackupError
from noren_kit.stack.environment import placeholders

SETTINGS = "DJANGO_SETTINGS_MODULE"


def migrations_of_release() -> list[str]:
    """`app.name` of each migration of the apps that are installed, by Django's settings.

    Keys and servers that the environment lacks are made up: none is used. Raises `BackupError`
    where nothing says which settings these are.
    """
    if not apps.ready:
        if not os.environ.get(SETTINGS):
            raise BackupError(f"{SETTINGS} is not set: it says which migrations this release has.")
        before = dict(os.environ)
        os.environ.update(placeholders() | before)
        try:
            django.setup()
        finally:
            os.environ.clear()
            os.environ.update(before)
    return [f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations]


def require_same_migrations(backup: Collection[str], here: Collection[str], place: str) -> None:
    """Raise `BackupError` naming the migrations that only one of the two has."""
    faults = [
        f"{where}: {', '.join(sorted(names))}"
        for where, names in [
            ("only in the backup", {*backup} - {*here}),
            (f"only in {place}", {*here} - {*backup}),
        ]
        if names
    ]
    if faults:
        raise BackupError(
            f"The backup has other migrations than {place} ({'; '.join(faults)})."
            " Bring both to the same release."
        )

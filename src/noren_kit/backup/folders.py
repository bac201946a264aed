"""A backup's folder: its manifest, and files that are whole or not there."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from noren_kit.core.disk import on_disk

MANIFEST = "manifest.json"
# In the form that `sha256sum --check` reads.
DIGEST = f"{MANIFEST}.sha256"
FORMAT = 1
_BLOCK = 1 << 20


class BackupError(RuntimeError):
    """A backup that can't be made, or restored as asked; the message says why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds; `tenant` is the one that it is of, None for a whole database.

    `migrations` are those that had been applied; `files` maps each file to its SHA-256.
    """

    server: str
    migrations: list[str]
    tenants: dict[str, str]
    sums: dict[str, Any]
    tenant: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT
    made_at: str = field(default_factory=lambda: dt.datetime.now(dt.UTC).isoformat())

    @property
    def rows(self) -> int:
        """The number of all rows that are summed."""
        return sum(count for owners in self.sums.values() for count, _total in owners.values())


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `folder` once all of it is written and on disk.

    Raises `BackupError` where there is one already. What was begun and not ended is removed.
    """
    if folder.exists():
        raise BackupError(f"{folder} is there already. Name a folder that is not.")
    partial = folder.with_name(f"{folder.name}.partial-{os.getpid()}")
    partial.mkdir(mode=0o700, parents=True)
    try:
        yield partial
        for file in [*partial.rglob("*"), partial]:
            on_disk(file)
        partial.rename(folder)
        on_disk(folder.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it with the digests of the files beside it, and its own digest beside it."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            manifest.files[str(file.relative_to(folder))] = _digest(file)
    file = folder / MANIFEST
    file.write_text(json.dumps(asdict(manifest), indent=1) + "\n")
    (folder / DIGEST).write_text(f"{_digest(file)}  {MANIFEST}\n")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup whose files are all there and as they were written, itself too.

    Raises `BackupError` naming what is missing or damaged.
    """
    if not (folder / MANIFEST).is_file():
        raise BackupError(f"{folder} holds no backup: it has no {MANIFEST}.")
    if not (folder / DIGEST).is_file():
        raise BackupError(f"{folder / DIGEST} is missing.")
    wanted = (folder / DIGEST).read_text(errors="replace").partition(" ")[0]
    _require_digest(folder / MANIFEST, wanted, DIGEST)
    try:
        manifest = Manifest(**json.loads((folder / MANIFEST).read_text()))
    except (TypeError, ValueError) as error:
        raise BackupError(f"{folder / MANIFEST} can't be read: {error}.") from None
    if manifest.format != FORMAT:
        raise BackupError(f"This backup has format {manifest.format}, known here is {FORMAT}.")
    for name, digest in manifest.files.items():
        file = folder / name
        if not file.is_file():
            raise BackupError(f"{file} is missing.")
        _require_digest(file, digest, MANIFEST)
    return manifest


def _require_digest(file: Path, wanted: str, source: str) -> None:
    if _digest(file) != wanted:
        raise BackupError(f"{file} is damaged: its SHA-256 is not that of {source}.")


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def applied_migrations(connection: psycopg.Connection[Any]) -> list[str]:
    """`app.name` of each migration that this database has had."""
    query = "SELECT app || '.' || name FROM django_migrations ORDER BY 1"
    return [name for (name,) in connection.execute(query)]


def tenants_of(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Slugs of all tenants by id."""
    return dict(connection.execute("SELECT id::text, slug FROM tenancy_tenant ORDER BY slug"))

"""PostgreSQL's own programs, for the copy of a whole database."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from noren_kit.backup.folders import BackupError

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
# What libpq takes from the environment, so that no password stands in a list of processes.
_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}


def run(name: str, arguments: Sequence[str], *, url: str, server: int, database: str = "") -> None:
    """Run a program of the server's major version or a later one; raises `BackupError`.

    `url` says where to, `database` overrides the one that it names.
    """
    given = conninfo_to_dict(url)
    if database:
        given["dbname"] = database
    environment = {_VARIABLES[key]: str(value) for key, value in given.items() if key in _VARIABLES}
    done = subprocess.run(  # noqa: S603  PostgreSQL's own
        [str(_find(name, server)), "--no-password", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupError(f"{name} failed: {done.stderr.strip()[-2_000:]}")


def _find(name: str, server: int) -> Path:
    too_old = ""
    for path in _places(name):
        command = [str(path), "--version"]
        shown = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        version = _VERSION.search(shown.stdout)
        if version and int(version[1]) >= server:
            return path
        too_old = f" {path} is older."
    raise BackupError(
        f"{name} of PostgreSQL {server} or later is needed: install the client package.{too_old}"
    )


def _places(name: str) -> Iterator[Path]:
    found = shutil.which(name)
    if found:
        yield Path(found)
    # Where Debian keeps those of each version.
    yield from sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    try:
        from noren_kit.stack.postgres import installation
    except ImportError:
        return  # The embedded server is not installed.
    embedded = installation() / "bin" / name
    if embedded.exists():
        yield embedded

"""The benchmark's data: the same every time, loaded by COPY, kept as databases to copy from.

Noren's tables are filled first, by its platform role and with all triggers and keys at work; the
baselines' tables are filled from them, so that equal data need no proof.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from baselines.limit import statements
from data_plain import TOKEN_KEY, copy_tables
from data_rows import Filling, classification, products
from psycopg import sql
from stack import LEAN, NOREN, PLAIN, SOURCES, Servers, run_python

import noren
import noren_kit

CHUNK = 10_000
KINDS = {"noren": NOREN, "plain": PLAIN, "lean": LEAN}


@dataclass(frozen=True)
class Size:
    """`products` of the measured tenant, and `others` tenants with `each` products beside it."""

    name: str
    products: int
    others: int = 0
    each: int = 0


SIZES = {
    size.name: size
    for size in (
        Size("10k", 10_000),
        Size("1m", 1_000_000),
        Size("tenants", 10_000, others=999, each=1_000),
    )
}


def fingerprint() -> str:
    """Changes with whatever the kept data follow from."""
    files = [*sorted(SOURCES.glob("data*.py")), SOURCES / "tenants.py"]
    files += [*sorted((SOURCES / "baselines").rglob("*.sql")), SOURCES / "baselines/shown.py"]
    files += [SOURCES / "baselines/plain_drf/models.py", Path(statements.__file__)]
    for package in (noren, noren_kit):
        root = Path(package.__file__ or "").parent
        files += sorted(root.rglob("migrations/*.py"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def prepare(servers: Servers, size: Size) -> None:
    """Fresh databases of that size to work on; loads what is not kept yet."""
    kept = {kind: f"kept_{size.name}_{kind}" for kind in KINDS}
    if any(_mark(servers, name) != fingerprint() for name in kept.values()):
        _load(servers, size, kept)
        for name in kept.values():
            servers.administer(
                sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                    sql.Identifier(name), sql.Literal(fingerprint())
                )
            )
    for kind, working in KINDS.items():
        servers.copy(kept[kind], working)
    servers.grant(NOREN)


def clear(servers: Servers) -> None:
    """Drop what was worked on; what is kept stays."""
    for working in KINDS.values():
        servers.drop(working)


def _mark(servers: Servers, database: str) -> str | None:
    query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    with psycopg.connect(servers.postgres.admin_url) as admin:
        row = admin.execute(query, [database]).fetchone()
    return row[0] if row else None


def _load(servers: Servers, size: Size, kept: dict[str, str]) -> None:
    print(f"data: loading {size.name}", flush=True)
    began = time.monotonic()
    for name in kept.values():
        servers.drop(name)
    servers.grant(kept["noren"])
    environment = servers.noren_environment(kept["noren"])
    run_python("django", "migrate", "--database=owner", "--verbosity=0", environment=environment)
    run_python("tenants", f"--others={size.others}", environment=environment)
    with psycopg.connect(environment["DATABASE_PLATFORM_URL"]) as platform:
        tenants = platform.execute("SELECT slug, id FROM tenancy_tenant ORDER BY id").fetchall()
        for slug, tenant in tenants:
            fill(platform, tenant, slug, size.products if slug == "bench" else size.each)
            platform.commit()
    _load_plain(servers, kept)
    _load_lean(servers, kept)
    for name in kept.values():
        with psycopg.connect(servers.url(name), autocommit=True) as admin:
            admin.execute("VACUUM (FREEZE, ANALYZE)")
    servers.administer("CHECKPOINT")
    for invariant in ("stock", "ratings"):
        run_python("noren.cli", "verify", invariant, environment=environment, quiet=True)
    print(f"data: {size.name} took {time.monotonic() - began:.0f} s", flush=True)


def _load_plain(servers: Servers, kept: dict[str, str]) -> None:
    servers.administer(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(kept["plain"])))
    environment = {
        "BASELINE_DATABASE_URL": servers.url(kept["plain"]),
        "DJANGO_SETTINGS_MODULE": "plain_drf.settings",
        "SECRET_KEY": "x" * 50,
    }
    run_python("django", "migrate", "--verbosity=0", environment=environment)
    with (
        psycopg.connect(servers.url(kept["noren"])) as source,
        psycopg.connect(servers.url(kept["plain"])) as target,
    ):
        copy_tables(source, target)


def _load_lean(servers: Servers, kept: dict[str, str]) -> None:
    servers.copy(kept["plain"], kept["lean"])
    with psycopg.connect(servers.url(kept["lean"])) as lean:
        lean.execute((SOURCES / "baselines/limit/schema.sql").read_bytes())
        lean.execute("ANALYZE")
        lean.execute(statements.KEEP_ALL)
        lean.execute(statements.COUNT_ALL)


def fill(connection: psycopg.Connection[Any], tenant: uuid.UUID, slug: str, count: int) -> None:
    """A tenant's whole catalogue and its customers."""
    query = "SELECT user_id FROM accounts_membership WHERE tenant_id = %s ORDER BY user_id"
    people = [row[0] for row in connection.execute(query, [tenant])]
    filling = Filling(tenant, slug, people)
    for table, columns, rows in classification(filling):
        write(connection, table, columns, rows)
    for start in range(0, count, CHUNK):
        numbers = range(start, min(start + CHUNK, count))
        for table, columns, rows in products(filling, numbers, count):
            write(connection, table, columns, rows)


def write(
    connection: psycopg.Connection[Any], table: str, columns: str, rows: Sequence[Sequence[str]]
) -> None:
    """COPY rows of text into a table; no value holds a tab or a line break."""
    text = "".join("\t".join(row) + "\n" for row in rows)
    with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy:
        copy.write(text)


__all__ = ["SIZES", "TOKEN_KEY", "Size", "clear", "prepare"]

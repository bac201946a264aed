"""The benchmark's data: the same every time, loaded by COPY, kept as databases to copy from.

Noren's tables are filled first, by its platform role and with all triggers and keys at work; the
baselines' tables are filled from them, so that equal data need no proof.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from baselines.limit import statements
from data_plain import TOKEN_KEY, copy_tables
from data_words import DESCRIPTION, NAMES, SERIES_SIZE, TAGS, series_name
from psycopg import sql
from stack import LEAN, NOREN, PLAIN, SOURCES, Servers, run_python

import noren
import noren_kit

CHUNK = 10_000
CATEGORIES, BRANDS, SUPPLIERS, CUSTOMERS = 50, 100, 40, 100
EPOCH = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
SPAN_SECONDS = 600 * 24 * 3600
NULL = "\\N"
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
    files: list[Path] = [SOURCES / name for name in ("data.py", "data_plain.py", "data_words.py")]
    files += [SOURCES / "tenants.py", *sorted((SOURCES / "baselines").rglob("*.sql"))]
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
    for name in kept.values():
        servers.drop(name)
    servers.grant(kept["noren"])
    environment = servers.noren_environment(kept["noren"])
    run_python("django", "migrate", "--database=owner", "--verbosity=0", environment=environment)
    run_python("tenants", f"--others={size.others}", environment=environment)
    with psycopg.connect(environment["DATABASE_PLATFORM_URL"]) as platform:
        tenants = platform.execute("SELECT slug, id FROM tenancy_tenant ORDER BY id").fetchall()
        for slug, tenant in tenants:
            products = size.products if slug == "bench" else size.each
            fill(platform, tenant, slug, products)
            platform.commit()
    _load_plain(servers, kept)
    _load_lean(servers, kept)
    for name in kept.values():
        with psycopg.connect(servers.url(name), autocommit=True) as admin:
            admin.execute("VACUUM (FREEZE, ANALYZE)")
    servers.administer("CHECKPOINT")


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
        lean.execute(statements.KEEP_ALL)
        lean.execute(statements.COUNT_ALL)


class Filling:
    """Makes the rows of one tenant; the same for the same slug, but for the ids of people."""

    def __init__(self, tenant: uuid.UUID, slug: str, people: Sequence[uuid.UUID]) -> None:
        self.random = random.Random(slug)
        self.tenant, self.slug, self.people = str(tenant), slug, [str(each) for each in people]
        self.ids: dict[str, list[str]] = {}

    def new_id(self, at: dt.datetime = EPOCH) -> str:
        """A UUID of version 7 of that moment (RFC 9562, section 5.7)."""
        milliseconds = int(at.timestamp() * 1000)
        bits = self.random.getrandbits(74)
        value = milliseconds << 80 | 7 << 76 | (bits >> 62) << 64 | 2 << 62 | bits & (1 << 62) - 1
        return str(uuid.UUID(int=value))

    def words(self, pool: Sequence[str], least: int, most: int) -> str:
        return " ".join(self.random.choices(pool, k=self.random.randint(least, most)))

    def audit(self, at: dt.datetime) -> list[str]:
        """`created_at, updated_at, created_by_id, updated_by_id`."""
        person = self.random.choice(self.people) if self.people else NULL
        later = at + dt.timedelta(seconds=self.random.randint(1, 86_400))
        return [at.isoformat(), later.isoformat(), person, person]


def fill(connection: psycopg.Connection[Any], tenant: uuid.UUID, slug: str, products: int) -> None:
    """A tenant's whole catalogue and its customers."""
    query = "SELECT user_id FROM accounts_membership WHERE tenant_id = %s ORDER BY user_id"
    people = [row[0] for row in connection.execute(query, [tenant])]
    filling = Filling(tenant, slug, people)
    for table, columns, rows in _classification(filling):
        write(connection, table, columns, rows)
    for start in range(0, products, CHUNK):
        numbers = range(start, min(start + CHUNK, products))
        for table, columns, rows in _products(filling, numbers, products):
            write(connection, table, columns, rows)


def write(
    connection: psycopg.Connection[Any], table: str, columns: str, rows: Sequence[Sequence[str]]
) -> None:
    """COPY rows of text into a table; no value holds a tab or a line break."""
    text = "".join("\t".join(row) + "\n" for row in rows)
    with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy:
        copy.write(text)


Rows = tuple[str, str, list[list[str]]]
AUDIT = "created_at, updated_at, created_by_id, updated_by_id"


def _classification(filling: Filling) -> Iterator[Rows]:
    tenant, audit = filling.tenant, filling.audit
    ids = filling.ids
    for kind, count in (
        ("category", CATEGORIES),
        ("brand", BRANDS),
        ("supplier", SUPPLIERS),
        ("tag", len(TAGS)),
        ("customer", CUSTOMERS),
    ):
        ids[kind] = [filling.new_id() for _ in range(count)]
    head = f"tenant_id, id, {AUDIT}"
    categories = []
    for at, identifier in enumerate(ids["category"]):
        parent = NULL if at < 10 else ids["category"][at % 10]
        rate = ("20", "20", "10", "0")[at % 4]
        name = f"{NAMES[at % len(NAMES)]} {at}"
        categories.append([tenant, identifier, *audit(EPOCH), name, parent, rate, "f"])
    columns = f"{head}, name, parent_id, tax_rate, requires_approval"
    yield "catalog_category", columns, categories
    yield (
        "catalog_brand",
        f"{head}, name",
        [
            [tenant, identifier, *audit(EPOCH), f"{series_name(at)} Works"]
            for at, identifier in enumerate(ids["brand"], start=5_000_000)
        ],
    )
    yield (
        "catalog_supplier",
        f"{head}, code, name",
        [
            [tenant, identifier, *audit(EPOCH), f"supplier-{at}", f"Supplier {at}"]
            for at, identifier in enumerate(ids["supplier"])
        ],
    )
    yield (
        "catalog_tag",
        f"{head}, name",
        [
            [tenant, identifier, *audit(EPOCH), name]
            for identifier, name in zip(ids["tag"], TAGS, strict=True)
        ],
    )
    yield (
        "orders_customer",
        f"{head}, name, email, company, tax_number",
        [
            [tenant, identifier, *audit(EPOCH), f"Customer {at}", f"c{at}@bench.example", "", ""]
            for at, identifier in enumerate(ids["customer"])
        ],
    )


def _products(filling: Filling, numbers: range, of: int) -> Iterator[Rows]:
    """Stock, products, tags and reviews of some products, in the order their keys ask for."""
    tenant, chance, ids = filling.tenant, filling.random, filling.ids
    items: list[list[str]] = []
    movements: list[list[str]] = []
    products: list[list[str]] = []
    links: list[list[str]] = []
    reviews: list[list[str]] = []
    for number in numbers:
        seconds = number * SPAN_SECONDS / of
        at = EPOCH + dt.timedelta(seconds=int(seconds), microseconds=number % 999_983 + 1)
        product, item = filling.new_id(at), filling.new_id(at)
        draw = chance.random()
        stock = 0 if draw < 0.05 else chance.randint(1, 10) if draw < 0.1 else 0
        stock = stock if draw < 0.1 else chance.randint(1_000, 10_000)
        items.append([tenant, item, str(stock), "0"])
        if stock:
            received = ["received", str(stock), "opening stock", "", at.isoformat(), "bench"]
            movements.append([tenant, filling.new_id(at), item, *received])
        ratings = [chance.randint(1, 5) for _ in range(chance.randint(1, 4) * (draw > 0.9))]
        for rating in ratings:
            text = filling.words(DESCRIPTION, 5, 20)
            review = [product, f"Reviewer {chance.randint(1, 999)}", str(rating), text]
            reviews.append([tenant, filling.new_id(at), *filling.audit(at), *review])
        average = (200 * sum(ratings) + len(ratings)) // (2 * len(ratings)) if ratings else 0
        name = filling.words(NAMES, 1, 5) + " " + series_name(number // SERIES_SIZE)
        products.append(
            [
                *(tenant, product, *filling.audit(at), name, filling.words(DESCRIPTION, 20, 40)),
                *(f"SKU-{number:07d}", str(chance.randint(100, 50_000) * 10)),
                chance.choices(("active", "draft", "archived"), (18, 1, 1))[0],
                *(chance.choice(ids["category"]), chance.choice([*ids["brand"], NULL])),
                *(chance.choice([*ids["supplier"], NULL]), item, "", str(len(ratings))),
                *(str(average), str(chance.randint(0, 500))),
            ]
        )
        for tag in chance.sample(ids["tag"], chance.randint(0, 4)):
            links.append([tenant, filling.new_id(at), product, tag])
    yield "inventory_stockitem", "tenant_id, id, on_hand, reserved", items
    yield (
        "inventory_stockmovement",
        "tenant_id, id, stock_item_id, kind, quantity, reason, cause_type, created_at, request_id",
        movements,
    )
    yield (
        "catalog_product",
        f"tenant_id, id, {AUDIT}, name, description, sku, price, status, category_id, brand_id,"
        " supplier_id, stock_item_id, image, review_count, average_rating, total_sales",
        products,
    )
    yield "catalog_producttag", "tenant_id, id, product_id, tag_id", links
    yield (
        "catalog_review",
        f"tenant_id, id, {AUDIT}, product_id, reviewer_name, rating, comment",
        reviews,
    )


__all__ = ["SIZES", "TOKEN_KEY", "Size", "clear", "prepare"]

"""The rows of the benchmark's data as text, made by chance that is the same every time."""

from __future__ import annotations

import datetime as dt
import json
import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from data_words import (
    COLOURS,
    DESCRIPTION,
    NAMES,
    SERIES_SIZE,
    SIZES_WORN,
    TAGS,
    series_name,
)

CATEGORIES, BRANDS, SUPPLIERS, CUSTOMERS = 50, 100, 40, 100
EPOCH = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
SPAN_SECONDS = 600 * 24 * 3600
NULL = "\\N"
# A table, its columns, and its rows.
Rows = tuple[str, str, list[list[str]]]
AUDIT = "created_at, updated_at, created_by_id, updated_by_id"


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


def classification(filling: Filling) -> Iterator[Rows]:
    """What products refer to, and customers."""
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


def products(filling: Filling, numbers: range, of: int) -> Iterator[Rows]:
    """Stock, products, and all that hangs on them, in the order their keys ask for."""
    made = Made()
    for number in numbers:
        _product(filling, made, number, number * SPAN_SECONDS / of)
    yield "inventory_stockitem", "tenant_id, id, on_hand, reserved, sold", made.items
    yield (
        "inventory_stockmovement",
        "tenant_id, id, stock_item_id, kind, quantity, reason, cause_type, created_at, request_id",
        made.movements,
    )
    yield (
        "catalog_product",
        f"tenant_id, id, {AUDIT}, name, description, sku, price, status, category_id, brand_id,"
        " supplier_id, stock_item_id, image, review_count, rating_sum, average_rating",
        made.products,
    )
    yield "catalog_producttag", "tenant_id, id, product_id, tag_id", made.links
    yield (
        "catalog_variant",
        f"tenant_id, id, {AUDIT}, product_id, name, sku, price, is_active, options, stock_item_id",
        made.variants,
    )
    yield (
        "catalog_review",
        f"tenant_id, id, {AUDIT}, product_id, reviewer_id, reviewer_name, rating, title, comment,"
        " status",
        made.reviews,
    )


@dataclass
class Made:
    """Rows by their table."""

    items: list[list[str]] = field(default_factory=list)
    movements: list[list[str]] = field(default_factory=list)
    products: list[list[str]] = field(default_factory=list)
    links: list[list[str]] = field(default_factory=list)
    variants: list[list[str]] = field(default_factory=list)
    reviews: list[list[str]] = field(default_factory=list)


def _product(filling: Filling, made: Made, number: int, seconds: float) -> None:
    """A product; one in ten has 1 to 3 variants, one in three 1 to 8 approved reviews."""
    tenant, chance, ids = filling.tenant, filling.random, filling.ids
    at = EPOCH + dt.timedelta(seconds=int(seconds), microseconds=number % 999_983 + 1)
    product, item = filling.new_id(at), _stock(filling, made, at)
    counters = made.items[-1]
    sku = f"SKU-{number:07d}"
    if chance.random() < 0.1:
        for place in range(chance.randint(1, 3)):
            made.variants.append(_variant(filling, made, at, product, f"{sku}-{place}"))
    approved = chance.randint(1, 8) if chance.random() < 1 / 3 else 0
    pending = chance.randint(1, 2) if chance.random() < 0.1 else 0
    statuses = ["approved"] * approved + ["pending"] * pending
    chance.shuffle(statuses)
    reviews = _reviews(filling, at, product, statuses)
    made.reviews += reviews
    total = sum(int(review[RATING]) for review in reviews if review[-1] == "approved")
    # Rounded half up to hundredths, as the counters are kept.
    average = (200 * total + approved) // (2 * approved) if approved else 0
    name = filling.words(NAMES, 1, 5) + " " + series_name(number // SERIES_SIZE)
    made.products.append(
        [
            *(tenant, product, *filling.audit(at), name, filling.words(DESCRIPTION, 20, 40)),
            *(sku, str(chance.randint(100, 50_000) * 10)),
            chance.choices(("active", "draft", "archived"), (18, 1, 1))[0],
            *(chance.choice(ids["category"]), chance.choice([*ids["brand"], NULL])),
            *(chance.choice([*ids["supplier"], NULL]), item, "", str(approved), str(total)),
            str(average),
        ]
    )
    counters[-1] = str(chance.randint(0, 500))
    for tag in chance.sample(ids["tag"], chance.randint(0, 4)):
        made.links.append([tenant, filling.new_id(at), product, tag])


def _stock(filling: Filling, made: Made, at: dt.datetime) -> str:
    """An item of stock with its opening: nine in ten have plenty, the others little or none."""
    chance, item = filling.random, filling.new_id(at)
    plenty, some = chance.random() < 0.9, chance.random() < 0.5
    units = chance.randint(1_000, 10_000) if plenty else chance.randint(1, 10) if some else 0
    made.items.append([filling.tenant, item, str(units), "0", "0"])
    if units:
        received = ["received", str(units), "opening stock", "", at.isoformat(), "bench"]
        made.movements.append([filling.tenant, filling.new_id(at), item, *received])
    return item


def _variant(filling: Filling, made: Made, at: dt.datetime, product: str, sku: str) -> list[str]:
    """One of a product's variants, all made at its moment; half of them at a price of their own."""
    chance = filling.random
    size, colour = chance.choice(SIZES_WORN), chance.choice(COLOURS)
    price = str(chance.randint(100, 50_000) * 10) if chance.random() < 0.5 else NULL
    options = json.dumps({"size": size, "colour": colour}, ensure_ascii=False)
    return [
        *(filling.tenant, filling.new_id(at), *filling.audit(at), product, f"{size}, {colour}"),
        *(sku, price, "f" if chance.random() < 0.2 else "t", options, _stock(filling, made, at)),
    ]


RATING = 9  # Where a row of reviews holds its rating.


def _reviews(
    filling: Filling, at: dt.datetime, product: str, statuses: Sequence[str]
) -> list[list[str]]:
    """Reviews of a product within a month, each member's at most one, the others' from outside."""
    chance, rows = filling.random, []
    members = chance.sample(filling.people, len(filling.people))
    for status in statuses:
        later = at + dt.timedelta(
            seconds=chance.randint(1, 30 * 86_400), microseconds=chance.randint(1, 900_000)
        )
        member = members.pop() if members and chance.random() < 0.3 else NULL
        name = "" if member != NULL else f"Reviewer {chance.randint(1, 999)}"
        title = filling.words(DESCRIPTION, 1, 4).capitalize() if chance.random() < 0.7 else ""
        text = filling.words(DESCRIPTION, 5, 20)
        rating = str(chance.randint(1, 5))
        review = [product, member, name, rating, title, text, status]
        rows.append([filling.tenant, filling.new_id(later), *filling.audit(later), *review])
    return rows

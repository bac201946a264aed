"""What is asked of every system: the requests of each scenario, in the same order for all.

docs/guides/benchmarks.md says what each letter stands for.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import psycopg
from data_words import search_terms

PRODUCTS, ORDERS = "/api/v1/products/", "/api/v1/orders/"
IDEMPOTENCY_KEY = "Idempotency-Key"
DEEP_PAGE = 400
# So many different requests; what is sent more often starts again with the first.
VARIETY = 4_000


@dataclass(frozen=True)
class Request:
    """`keyed`: with an `Idempotency-Key`, another one each time that it is sent."""

    method: str
    path: str
    body: bytes = b""
    keyed: bool = False


@dataclass(frozen=True)
class Facts:
    """What there is to ask for: ids of products, of those on sale in plenty, and of customers.

    `full` are products with variants on sale, others that are not, and more reviews than shown.
    """

    products: Sequence[str]
    full: Sequence[str]
    plentiful: Sequence[str]
    customers: Sequence[str]
    terms: Sequence[str]


def read_facts(url: str) -> Facts:
    """From plain DRF's tables, in an order that is the same every time."""
    with psycopg.connect(url) as connection:

        def column(query: str) -> list[str]:
            return [str(row[0]) for row in connection.execute(query.encode())]

        count = int(column("SELECT count(*) FROM shop_product")[0])
        # Spread over the whole table without reading it all.
        products = column(
            "SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS at FROM shop_product) p"
            f" WHERE at % {max(1, count // 10_000)} = 0 ORDER BY id"
        )
        full = column(
            "SELECT product_id FROM shop_variant JOIN shop_review USING (product_id)"
            " GROUP BY product_id HAVING bool_or(is_active) AND NOT bool_and(is_active)"
            " AND count(DISTINCT shop_review.id) > 5 ORDER BY md5(product_id::text) LIMIT 20"
        )
        plentiful = column(
            "SELECT id FROM shop_product WHERE status = 'active' AND stock_quantity >= 5000"
            " ORDER BY md5(id::text) LIMIT 1000"
        )
        customers = column("SELECT id FROM shop_customer ORDER BY id")
    return Facts(products, full, plentiful, customers, search_terms(count))


def _get(path: str, **query: Any) -> Request:
    return Request("GET", f"{path}?{urlencode(query)}" if query else path)


def list_page() -> Request:
    return _get(PRODUCTS)


def deep_page(number: int = DEEP_PAGE) -> Request:
    return _get(PRODUCTS, page=number)


def search(term: str) -> Request:
    """Found products, the newest first, which not everybody would choose by themselves."""
    return _get(PRODUCTS, ordering="-created_at", search=term)


def detail(product: str) -> Request:
    return _get(f"{PRODUCTS}{product}/")


def write(product: str, price_cents: int) -> Request:
    body = json.dumps({"price": f"{price_cents // 100}.{price_cents % 100:02d}"})
    return Request("PATCH", f"{PRODUCTS}{product}/", body.encode())


def order(customer: str, lines: Sequence[tuple[str, int]]) -> Request:
    items = [{"product_id": product, "quantity": quantity} for product, quantity in lines]
    body = json.dumps({"customer": customer, "items": items}).encode()
    return Request("POST", ORDERS, body, keyed=True)


class Requests:
    """The requests of each scenario, drawn from `facts` by a seed."""

    def __init__(self, facts: Facts, seed: int = 20261122) -> None:
        self.facts, self.random = facts, random.Random(seed)

    def details(self) -> list[Request]:
        return [detail(self.random.choice(self.facts.products)) for _ in range(VARIETY)]

    def searches(self) -> list[Request]:
        return [search(self.random.choice(self.facts.terms)) for _ in range(VARIETY)]

    def orders(self) -> list[Request]:
        return [self._order() for _ in range(VARIETY)]

    def writes(self) -> list[Request]:
        return [self._write() for _ in range(VARIETY)]

    def mix(self) -> list[Request]:
        """In a hundred: 40 lists, 40 details, 10 searches, 5 pages 400, 4 writes, an order."""
        makers = (
            [list_page] * 40
            + [lambda: detail(self.random.choice(self.facts.products))] * 40
            + [lambda: search(self.random.choice(self.facts.terms))] * 10
            + [deep_page] * 5
            + [self._write] * 4
            + [self._order]
        )
        return [self.random.choice(makers)() for _ in range(VARIETY)]

    def _write(self) -> Request:
        return write(self.random.choice(self.facts.products), self.random.randint(100, 50_000))

    def _order(self) -> Request:
        chosen = self.random.sample(self.facts.plentiful, 3)
        lines = [(product, self.random.randint(1, 3)) for product in chosen]
        return order(self.random.choice(self.facts.customers), lines)

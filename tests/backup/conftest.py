"""Two shops in business, and where their backups go to and come back to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from noren_kit.db.roles import bootstrap, passwords_of
from noren_kit.testing.servers import ADMIN
from noren_kit.testing.shops import Shop
from store import API, Store


@pytest.fixture
def stores(shop: Shop, neighbour: Shop) -> list[Store]:
    """Two shops in business: goods, orders, a payment, something in the bin."""
    made = [Store(shop), Store(neighbour)]
    for store in made:
        tea, gone = store.product(name="茶 O'Tea \\N"), store.product()
        order = store.order((tea, 3))
        store.post(f"orders/{order['id']}/pay/", {"amount": "10", "reference": "é"}, expected=200)
        assert store.client.delete(f"{API}products/{gone['id']}/").status_code == 204
    return made


@pytest.fixture
def admin() -> str:
    return os.environ[ADMIN]


@pytest.fixture
def here() -> str:
    """This test's database."""
    return urlsplit(os.environ["DATABASE_URL"]).path.removeprefix("/")


@pytest.fixture
def empty(admin: str, here: str) -> Iterator[str]:
    """A database with its roles and grants, and nothing in it."""
    name = f"{here}_restored"
    bootstrap(admin, name, passwords_of(os.environ))
    yield name
    with psycopg.connect(admin, autocommit=True) as connection:
        drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
        connection.execute(drop)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backup"

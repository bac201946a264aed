"""A kill at any moment leaves shops that are whole, or that the next run makes whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from noren.catalog.queries import list_products
from noren.demo.words import PROFILES
from noren.inventory.queries import find_differences
from noren_kit.tenancy.models import Tenant

SLUGS = [profile.slug for profile in PROFILES]


@contextmanager
def _writers_wait(table: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Nobody writes to the table until the block ends."""
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner:
        owner.execute(f"LOCK TABLE {table} IN SHARE MODE")
        yield owner
        owner.rollback()


def _wait_for_a_waiter(owner: psycopg.Connection[tuple[object, ...]], table: str) -> None:
    for _ in range(600):
        waiting = owner.execute(
            # Databases of other workers have tables of the same numbers.
            "SELECT FROM pg_locks WHERE NOT granted AND relation = %s::regclass"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [table],
        )
        if waiting.fetchone() is not None or waiting.rowcount:
            return
        time.sleep(0.05)
    raise AssertionError(f"Nobody came to write to {table}.")


@pytest.mark.parametrize(
    ("table", "tenants"),
    [
        pytest.param("accounts_role", 0, id="a tenant before its roles"),
        pytest.param("orders_order", 1, id="half a shop"),
        pytest.param("catalog_review", 1, id="nearly a shop"),
    ],
)
def test_killed_then_run_again(demo, table, tenants):
    command = [sys.executable, "-m", "django", "load_demo", "--scale", "0.02"]
    with _writers_wait(table) as owner:
        loader = subprocess.Popen(
            [*command, "--credentials", str(demo.file)], stdout=subprocess.DEVNULL
        )
        try:
            _wait_for_a_waiter(owner, table)
        finally:
            loader.send_signal(signal.SIGKILL)
            loader.wait()
    assert Tenant.objects.count() == tenants
    assert not demo.file.exists()

    demo.load()
    for slug in SLUGS:
        with demo.entered(slug):
            assert list_products().count() >= 10
            assert list(find_differences()) == []
    assert all(demo.sign_in(user).status_code == 200 for user in demo.users())
    assert "already" in demo.load()

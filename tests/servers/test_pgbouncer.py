"""Behind PgBouncer in transaction mode: few connections, many tenants, and nobody sees another."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote, urlsplit

import psycopg
import pytest
from programs import environment, folder, program, running, write

from noren_kit.stack.ports import LOOPBACK, any_free
from noren_kit.testing.live import Caller, live_server
from noren_kit.testing.shops import PASSWORD, Shop, make_shop
from store import API, Store

CONNECTIONS, ROUNDS, CALLERS = 2, 12, 6
# From this release on PgBouncer knows statements that are prepared by its clients' protocol.
KNOWS_PREPARED = (1, 21)


def version() -> tuple[int, int]:
    said = subprocess.check_output([program("pgbouncer"), "--version"], text=True)
    found = re.search(r"PgBouncer (\d+)\.(\d+)", said)
    assert found is not None, said
    return int(found[1]), int(found[2])


MODES = [False, True] if version() >= KNOWS_PREPARED else [False]


@pytest.fixture(scope="module")
def pooled_url() -> Iterator[str]:
    """The application's address through a pool of two connections."""
    address, port = urlsplit(os.environ["DATABASE_URL"]), any_free()
    with folder() as place:
        write(place / "users", f'"{address.username}" "{unquote(address.password or "")}"\n')
        settings = {
            "listen_addr": LOOPBACK,
            "listen_port": port,
            "unix_socket_dir": "",
            "auth_type": "scram-sha-256",
            "auth_file": place / "users",
            "pool_mode": "transaction",
            "default_pool_size": CONNECTIONS,
        }
        if version() >= KNOWS_PREPARED:
            settings["max_prepared_statements"] = 200
        lines = [f"{name} = {value}" for name, value in settings.items()]
        lines = ["[databases]", f"* = host={LOOPBACK} port={address.port}", "[pgbouncer]", *lines]
        write(place / "pgbouncer.ini", "\n".join(lines) + "\n")
        with running([program("pgbouncer"), str(place / "pgbouncer.ini")], port, place / "log"):
            server = f"{address.username}:{address.password}@{LOOPBACK}:{port}"
            yield address._replace(netloc=server).geturl()


def sign_in(base_url: str, shop: Shop) -> Caller:
    name = shop.users["owner"].username
    body = {"username": name, "password": PASSWORD}
    status, answer = Caller(base_url).send("POST", "/api/auth/token/", body)
    assert status == 200, answer
    return Caller(base_url, answer["access"])


def trade(base_url: str, shop: Shop, product: str, customer: str) -> list[str]:
    """Sign in, then list, order and look again, round by round; the numbers of the orders."""
    caller, numbers = sign_in(base_url, shop), []
    for _round in range(ROUNDS):
        status, listed = caller.get(f"{API}products/")
        assert status == 200, listed
        assert [row["id"] for row in listed["results"]] == [product]
        items = [{"product_id": product, "quantity": 1}]
        status, order = caller.post(f"{API}orders/", {"customer": customer, "items": items})
        assert status == 201, order
        numbers.append(order["order_number"])
        status, shown = caller.get(f"{API}orders/{order['id']}/")
        assert (status, shown["customer"]) == (200, customer)
    return numbers


@pytest.mark.parametrize("prepared", MODES)
def test_tenants_trade_apart_over_two_connections(pooled_url: str, prepared: bool) -> None:
    shops = [make_shop() for _each in range(3)]
    stores = [Store(shop) for shop in shops]
    products = [store.product(stock_quantity=1_000)["id"] for store in stores]
    customers = [store.customer()["id"] for store in stores]
    given = {"DATABASE_URL": pooled_url, "PREPARED_STATEMENTS": str(prepared).lower()}
    with environment(given), live_server(workers=3) as base_url:
        with ThreadPoolExecutor(CALLERS) as pool:
            running_callers = [
                pool.submit(
                    trade, base_url, shops[each % 3], products[each % 3], customers[each % 3]
                )
                for each in range(CALLERS)
            ]
            numbers = [each.result() for each in running_callers]
        caller = sign_in(base_url, shops[0])
        seen = [caller.get(f"{API}products/{product}/")[0] for product in products]
        assert seen == [200, 404, 404]
    for each in range(3):
        ordered = sorted(numbers[each] + numbers[each + 3])
        assert len(set(ordered)) == 2 * ROUNDS, "one sequence per tenant, without gaps or twins"
        assert ordered[-1].endswith(f"{2 * ROUNDS:06d}")
        assert stores[each].get(f"products/{products[each]}/check_stock/")["quantity"] == (
            1_000 - 2 * ROUNDS
        )


def test_no_tenant_stays_in_a_connection(pooled_url: str) -> None:
    for _each in range(2 * CONNECTIONS):
        with psycopg.connect(pooled_url, autocommit=True, prepare_threshold=None) as connection:
            with pytest.raises(psycopg.Error):
                connection.execute("SELECT count(*) FROM catalog_product WHERE name <> ''")
            row = connection.execute("SELECT current_setting('app.tenant_id', true)").fetchone()
            assert row in ((None,), ("",))

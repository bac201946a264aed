"""Errors reach Sentry, by its own protocol, and personal data does not: a receiver stands in."""

from __future__ import annotations

import gzip
import http.server
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from noren_kit.testing.live import live_server
from noren_kit.testing.plugin import OwnerConnection
from noren_kit.testing.shops import Shop
from store import API, Store

SECRETS = ("sato@example.com", "Sato Hanako", "1-2-3 Gion", "ring twice", "eyJ", "Bearer")


class Receiver:
    """What Sentry's envelope endpoint was sent (develop.sentry.dev, "Envelopes")."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        bodies = self.bodies

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    raw = gzip.decompress(raw)
                bodies.append(raw.decode())
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def dsn(self) -> str:
        return f"http://key@127.0.0.1:{self.server.server_port}/1"

    def items(self, kind: str) -> list[dict[str, Any]]:
        found = []
        for body in self.bodies:
            lines = body.splitlines()
            for head, payload in zip(lines[1::2], lines[2::2], strict=False):
                if json.loads(head)["type"] == kind:
                    found.append(json.loads(payload))
        return found

    def wait(self, kind: str) -> list[dict[str, Any]]:
        deadline = time.monotonic() + 10
        while not self.items(kind) and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.items(kind)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    made = Receiver()
    monkeypatch.setenv("SENTRY_DSN", made.dsn)
    yield made
    made.server.shutdown()


@pytest.fixture
def failing(owner: OwnerConnection) -> Iterator[None]:
    """Every new order fails, and PostgreSQL quotes what it was given."""
    owner.connection.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RAISE ''refused for sato@example.com'' USING DETAIL = NEW::text; END';"
        " CREATE TRIGGER refused BEFORE INSERT ON orders_order"
        " FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    yield
    owner.connection.execute("DROP TRIGGER refused ON orders_order; DROP FUNCTION refuse()")


def test_an_error_of_the_web(receiver: Receiver, failing: None, shop: Shop) -> None:
    store = Store(shop)
    customer = store.customer(name="Sato Hanako")
    body = {
        "customer": customer["id"],
        "items": [{"product_id": store.product()["id"], "quantity": 1}],
        "shipping_address": "1-2-3 Gion",
        "notes": "ring twice",
    }
    headers = {"Authorization": f"Bearer {shop.token('owner')}", "Cookie": "a=secret-cookie"}
    with live_server() as base:
        answer = requests.post(f"{base}{API}orders/?", json=body, headers=headers, timeout=10)
        assert answer.status_code == 500
        (event,) = receiver.wait("event")
    values = event["exception"]["values"]
    assert [each["type"] for each in values] == ["RaiseException", "ProgrammingError"]
    assert any("refused for ***" in each["value"] for each in values)
    assert event["transaction"] == "/api/v1/orders/"
    assert event["tags"]["request_id"] == answer.headers["X-Request-ID"]
    assert event["tags"]["tenant"] == str(shop.tenant.id)
    assert event["user"] == {"id": str(shop.users["owner"].id)}
    everything = "\n".join(receiver.bodies)
    assert [each for each in (*SECRETS, "secret-cookie") if each in everything] == []


def test_an_error_of_a_task_and_a_schedule_that_was_missed(receiver: Receiver) -> None:
    """As a worker runs what beat has sent: the scheduler's headers make it a check-in."""
    script = """
import django, sentry_sdk
django.setup()
from noren.config.celery import app
from celery import shared_task

@app.task(name="tests.fails")
def fails():
    raise ValueError("no mail to sato@example.com")

headers = {"sentry-monitor-slug": "nightly", "sentry-monitor-start-timestamp-s": "0.000000",
           "sentry-monitor-check-in-id": "a" * 32}
fails.apply(headers={**headers, "headers": headers})
sentry_sdk.flush(5)
"""
    subprocess.run([sys.executable, "-c", script], check=True, env=os.environ, timeout=60)
    (event,) = receiver.wait("event")
    assert event["exception"]["values"][-1]["value"] == "no mail to ***"
    assert event["transaction"] == "tests.fails"
    assert "sato@example.com" not in "\n".join(receiver.bodies)


def test_without_the_variable_nothing_is_imported() -> None:
    script = "import django, sys; django.setup(); sys.exit('sentry_sdk' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], check=False, env=os.environ, timeout=60)
    assert done.returncode == 0

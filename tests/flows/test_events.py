"""Mails that follow orders, through the real relay and worker, which die now and then."""

from __future__ import annotations

import email
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from email.header import decode_header, make_header
from pathlib import Path

import pytest
from django.core import mail

from noren.orders.models import Order
from noren_kit.outbox.models import Delivery, Event
from noren_kit.outbox.relay import claim_due
from noren_kit.outbox.tasks import deliver
from noren_kit.testing.shops import Shop

LEASE_SECONDS = "2"


def stock_product(client, *, sku: str, units: int, price: str = "100") -> str:
    category = client.post("/api/v1/categories/", {"name": f"Category of {sku}"}).json()["id"]
    body = {
        "name": f"Product {sku}",
        "sku": sku,
        "price": price,
        "category": category,
        "status": "active",
        "stock_quantity": units,
    }
    return client.post("/api/v1/products/", body).json()["id"]


def place(client, customer: str, product: str, quantity: int = 1) -> dict:
    body = {"customer": customer, "items": [{"product_id": product, "quantity": quantity}]}
    response = client.post("/api/v1/orders/", body)
    assert response.status_code == 201, response.json()
    return response.json()


def make_customer(client, address: str = "sato@example.com") -> str:
    body = {"name": "Sato", "email": address}
    return client.post("/api/v1/customers/", body).json()["id"]


class Workforce:
    """A relay and a worker as processes, started again whenever they are killed."""

    def __init__(self, mails: Path, log: Path) -> None:
        self.environment = {
            **os.environ,
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": str(mails),
            "OUTBOX_LEASE_SECONDS": LEASE_SECONDS,
        }
        self.log = log.open("ab")
        worker = "-A noren.config.celery worker --pool solo --without-gossip --without-mingle"
        self.commands = {
            "relay": ["django", "relay"],
            "worker": ["celery", *worker.split(), "--loglevel", "warning"],
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        for name in self.commands:
            self.start(name)

    def start(self, name: str) -> None:
        self.running[name] = subprocess.Popen(
            [sys.executable, "-m", *self.commands[name]],
            env=self.environment,
            stdout=self.log,
            stderr=self.log,
        )

    def kill(self, name: str) -> None:
        self.running[name].send_signal(signal.SIGKILL)
        self.running[name].wait()
        self.start(name)

    def stop(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()
        self.log.close()


@pytest.fixture
def workforce(tmp_path: Path):
    running = Workforce(tmp_path / "mails", tmp_path / "log")
    yield running
    running.stop()


def subjects(folder: Path) -> Counter[str]:
    found: Counter[str] = Counter()
    for file in folder.glob("*.log") if folder.exists() else ():
        for part in file.read_text().split("-" * 79):
            message = email.message_from_string(part.strip())
            if message["Subject"]:
                found[str(make_header(decode_header(message["Subject"])))] += 1
    return found


def undelivered(shop: Shop) -> int:
    with shop.entered():
        return Delivery.objects.filter(handled_at=None).count()


def test_no_mail_is_lost_whatever_is_killed(shop: Shop, workforce: Workforce, tmp_path: Path):
    client = shop.client()
    product = stock_product(client, sku="M1", units=1_000)
    customer = make_customer(client)
    numbers = []
    for at in range(24):
        numbers.append(place(client, customer, product)["order_number"])
        if at % 8 == 3:
            workforce.kill("worker")
        if at % 8 == 7:
            workforce.kill("relay")
        time.sleep(0.4)
    deadline = time.monotonic() + 60
    while undelivered(shop) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert undelivered(shop) == 0, (tmp_path / "log").read_text()[-3000:]
    sent = subjects(tmp_path / "mails")
    assert {number for number in numbers if not sent[f"Hanabi: your order {number}"]} == set()


def test_an_order_without_an_answer_leaves_no_event(shop: Shop):
    client = shop.client()
    product = stock_product(client, sku="M2", units=1)
    customer = make_customer(client)
    body = {"customer": customer, "items": [{"product_id": product, "quantity": 2}]}
    assert client.post("/api/v1/orders/", body).status_code == 409
    with shop.entered():
        assert list(Event.objects.all()) == []


def test_events_of_an_order_count_from_one(shop: Shop):
    client = shop.client()
    product = stock_product(client, sku="M3", units=50)
    order = place(client, make_customer(client), product)
    client.post(f"/api/v1/orders/{order['id']}/cancel/")
    with shop.entered():
        events = Event.objects.filter(aggregate_id=order["id"]).order_by("sequence")
        assert [(event.sequence, event.type) for event in events] == [
            (1, "order.placed"),
            (2, "order.cancelled"),
        ]
        assert events[0].actor_id == shop.users["owner"].id


def test_low_stock_is_announced_once_when_it_is_crossed(shop: Shop):
    client = shop.client()
    product = stock_product(client, sku="M4", units=12)
    customer = make_customer(client)
    for _ in range(3):
        place(client, customer, product)
    with shop.entered():
        low = Event.objects.filter(type="stock.low")
        assert [event.payload for event in low] == [{"product_id": product, "available": 10}]


def run_delivery(shop: Shop, delivery_id) -> bool:
    with shop.entered():
        return deliver.run(str(delivery_id))


def test_a_delivery_is_done_once_though_queued_twice(shop: Shop):
    client = shop.client()
    product = stock_product(client, sku="M5", units=50)
    order = place(client, make_customer(client), product)
    with shop.entered():
        delivery = Delivery.objects.get(event__aggregate_id=order["id"])
    assert run_delivery(shop, delivery.id) is True
    assert run_delivery(shop, delivery.id) is False
    assert [message.to for message in mail.outbox] == [["sato@example.com"]]
    assert order["order_number"] in mail.outbox[0].subject


def test_a_failed_delivery_stays_due(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    client = shop.client()
    product = stock_product(client, sku="M6", units=50)
    order = place(client, make_customer(client), product)
    with shop.entered():
        delivery = Delivery.objects.get(event__aggregate_id=order["id"])
        Order.objects.filter(id=order["id"]).update(customer_email="not an address\n")
    with pytest.raises(ValueError, match="newlines"):
        run_delivery(shop, delivery.id)
    assert undelivered(shop) == 1


def test_two_relays_never_claim_the_same_delivery(shop: Shop, neighbour: Shop):
    for each in (shop, neighbour):
        client = each.client()
        product = stock_product(client, sku="M7", units=50)
        customer = make_customer(client)
        for _ in range(3):
            place(client, customer, product)
    first = {delivery for claim in claim_due() for delivery in claim.delivery_ids}
    assert len(first) == 6
    assert claim_due() == []


def test_a_task_without_a_tenant_fails():
    from noren_kit.core.context import TenantNotEntered

    with pytest.raises(TenantNotEntered):
        deliver("01a202cf-5ecf-7469-90bf-36e7f5c23366")

"""Errors reach Sentry, by its own protocol, and personal data does not: a receiver stands in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.conf import settings

from noren.config.celery import app
from noren_kit.testing.live import live_server
from noren_kit.testing.plugin import OwnerConnection
from noren_kit.testing.receiving import Receiver, awaited
from noren_kit.testing.shops import Shop
from store import API, Store

SECRETS = ("sato@example.com", "Sato Hanako", "1-2-3 Gion", "ring twice", "eyJ", "Bearer")


class Sentry(Receiver):
    """What Sentry's envelope endpoint was sent (develop.sentry.dev, "Envelopes")."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[str] = []

    def take(self, body: bytes) -> None:
        self.bodies.append(body.decode())

    def items(self, kind: str) -> list[dict[str, Any]]:
        found = []
        for body in self.bodies:
            lines = body.splitlines()
            for head, payload in zip(lines[1::2], lines[2::2], strict=False):
                if json.loads(head)["type"] == kind:
                    found.append(json.loads(payload))
        return found

    def wait(self, kind: str) -> list[dict[str, Any]]:
        return awaited(lambda: self.items(kind))


@pytest.fixture
def sentry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sentry]:
    with Sentry() as made:
        monkeypatch.setenv("SENTRY_DSN", f"http://key@{made.place}/1")
        yield made


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


def test_an_error_of_the_web(sentry: Sentry, failing: None, shop: Shop) -> None:
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
        (event,) = sentry.wait("event")
    values = event["exception"]["values"]
    assert [each["type"] for each in values] == ["RaiseException", "ProgrammingError"]
    assert {each["value"] for each in values} == {""}
    assert event["transaction"] == "/api/v1/orders/"
    assert event["tags"]["request_id"] == answer.headers["X-Request-ID"]
    assert event["tags"]["tenant"] == str(shop.tenant.id)
    assert event["user"] == {"id": str(shop.users["owner"].id)}
    everything = "\n".join(sentry.bodies)
    assert [each for each in (*SECRETS, "secret-cookie") if each in everything] == []


def test_an_error_of_a_task_that_a_schedule_has_sent(sentry: Sentry) -> None:
    """As a worker runs what beat has sent: the scheduler's headers make it a check-in."""
    script = """
import django, sentry_sdk
django.setup()
from noren.config.celery import app
from celery import shared_task

@app.task(name="tests.fails")
def fails():
    raise ValueError("no mail to sato@example.com of Sato Hanako")

headers = {"sentry-monitor-slug": "nightly", "sentry-monitor-start-timestamp-s": "0.000000",
           "sentry-monitor-check-in-id": "a" * 32}
fails.apply(headers={**headers, "headers": headers})
sentry_sdk.flush(5)
"""
    subprocess.run([sys.executable, "-c", script], check=True, env=os.environ, timeout=60)
    (event,) = sentry.wait("event")
    failed = event["exception"]["values"][-1]
    assert (failed["type"], failed["value"]) == ("ValueError", "")
    assert [each["function"] for each in failed["stacktrace"]["frames"]][-1] == "fails"
    assert event["transaction"] == "tests.fails"
    everything = "\n".join(sentry.bodies)
    assert [each for each in SECRETS if each in everything] == []
    (check_in,) = sentry.wait("check_in")
    assert check_in["monitor_slug"] == "nightly"
    assert (check_in["check_in_id"], check_in["status"]) == ("a" * 32, "error")


def test_lines_of_the_log_lose_what_they_quote(sentry: Sentry) -> None:
    script = """
import django, logging, sentry_sdk
django.setup()
from noren_kit.observability.logging import get_logger
get_logger("noren.tests").error("mail_refused", said="no Sato Hanako here")
logging.getLogger("celery.tests").error("Refused by %s", "Sato Hanako")
logging.getLogger("other").error(f"no {'Sato Hanako'}")
sentry_sdk.flush(5)
"""
    subprocess.run([sys.executable, "-c", script], check=True, env=os.environ, timeout=60)
    awaited(lambda: len(sentry.items("event")) == 3)
    told = [each["logentry"]["message"] for each in sentry.items("event")]
    assert sorted(told) == ["Refused by %s", "mail_refused", "other"]
    everything = "\n".join(sentry.bodies)
    assert [each for each in SECRETS if each in everything] == []


def test_without_the_variable_nothing_is_imported() -> None:
    script = "import django, sys; django.setup(); sys.exit('sentry_sdk' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], check=False, env=os.environ, timeout=60)
    assert done.returncode == 0


def test_every_scheduled_task_is_watched(sentry: Sentry, monkeypatch: pytest.MonkeyPatch) -> None:
    """As beat sends them when all are due; what comes twice a minute Sentry does not watch."""
    monkeypatch.setenv("REDIS_URL", urlsplit(settings.REDIS_URL)._replace(path="/9").geturl())
    script = """
import datetime, django, sentry_sdk
django.setup()
from celery.beat import Scheduler
from noren.config.celery import app
app.loader.import_default_modules()
scheduler = Scheduler(app)
for entry in scheduler.schedule.values():
    entry.last_run_at -= datetime.timedelta(days=400)
for _entry in list(scheduler.schedule):
    scheduler.tick()
sentry_sdk.flush(5)
"""
    subprocess.run([sys.executable, "-c", script], check=True, env=os.environ, timeout=60)
    each_minute = timedelta(minutes=1)
    scheduled = {
        name for name, each in app.conf.beat_schedule.items() if each["schedule"] >= each_minute
    }
    assert set(app.conf.beat_schedule) - scheduled == {"release-expired-holds"}
    awaited(lambda: len(sentry.items("check_in")) >= len(scheduled), 10)
    started = {each["monitor_slug"]: each["monitor_config"] for each in sentry.items("check_in")}
    assert set(started) == scheduled
    assert all(each["schedule"]["value"] for each in started.values())

"""Figures of all processes, for those who may see them, under labels that stay few."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import override_settings
from prometheus_client.parser import text_string_to_metric_families

from noren_kit.observability import metrics
from noren_kit.outbox.relay import measure, relay_once
from noren_kit.stack.ports import LOOPBACK, any_free
from noren_kit.stack.process import GuardedProcess
from noren_kit.testing.live import Caller, live_server
from noren_kit.testing.shops import Client, Shop
from store import Store

TOKEN = "a-scrape-token"
TAGS = "/api/v1/tags/"
Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parsed(text: str) -> Series:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(series: Series, name: str, **labels: str) -> float:
    return sum(
        value
        for (found, pairs), value in series.items()
        if found == name and labels.items() <= dict(pairs).items()
    )


def own() -> Series:
    return parsed(metrics.exposition().decode())


def allowed(token: str = TOKEN) -> Any:
    return override_settings(NOREN_KIT={**settings.NOREN_KIT, "METRICS_TOKEN": token})


def test_only_the_scraper_sees_them(shop: Shop) -> None:
    assert Client().get("/metrics").status_code == 404
    with allowed():
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Bearer"}):
            answer = Client().get("/metrics", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
        assert shop.client("owner").get("/metrics").status_code == 401
        answer = Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert parsed(answer.content.decode())


def test_requests_are_counted_by_route_and_never_by_id(shop: Shop) -> None:
    client = shop.client("staff")
    made = client.post(TAGS, {"name": "blue"}).json()["id"]
    before = own()
    client.get(f"{TAGS}{made}/")
    client.get(f"{TAGS}{made}/")
    client.get(f"{TAGS}{'0' * 8}-0000-7000-8000-{'0' * 12}/")
    client.get("/api/v1/nowhere-4711/")
    after = own()

    def risen(name: str, **labels: str) -> float:
        return total(after, name, **labels) - total(before, name, **labels)

    ours = {"method": "GET", "tenant": "standard"}
    assert risen("noren_http_requests_total", status="2xx", **ours) == 2
    assert risen("noren_http_requests_total", status="4xx", method="GET") == 2
    assert risen("noren_http_requests_total", route="unmatched") == 1
    assert risen("noren_http_request_duration_seconds_count", method="GET") == 4
    assert risen("noren_database_statements_total") >= 3
    assert risen("noren_database_seconds_total") > 0
    assert risen("noren_cache_answers_total", result="hit") == 1
    text = metrics.exposition().decode()
    assert not {made, "4711", "hanabi", str(shop.tenant.id)} & set(text.replace('"', " ").split())


@pytest.fixture
def store(shop: Shop) -> Store:
    return Store(shop)


def test_refusals_and_business_are_counted(store: Store) -> None:
    before = own()
    store.order((store.product(stock_quantity=5), 2))
    after = own()
    assert total(after, "noren_orders_placed_total", currency="JPY") == (
        total(before, "noren_orders_placed_total", currency="JPY") + 1
    )
    assert total(after, "noren_orders_revenue_total", currency="JPY") > total(
        before, "noren_orders_revenue_total", currency="JPY"
    )
    measure()
    assert total(own(), "noren_outbox_deliveries_waiting") >= 1
    assert 0 <= total(own(), "noren_outbox_lag_seconds") < 60
    assert relay_once() >= 1
    assert total(own(), "noren_outbox_relayed_total") > total(before, "noren_outbox_relayed_total")


def test_a_scrape_tells_of_all_processes(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_TOKEN", TOKEN)
    with live_server(workers=3) as base_url:
        for _ in range(40):  # each over a connection of its own, to whichever process takes it
            caller = Caller(base_url, shop.token("staff"))
            assert caller.get(TAGS)[0] == 200
            caller.close()

        def scrape() -> Series:
            asked = urllib.request.Request(
                f"{base_url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}
            )
            with urllib.request.urlopen(asked, timeout=10) as response:
                return parsed(response.read().decode())

        for _ in range(5):
            assert total(scrape(), "noren_http_requests_total", route="api/v1/tags/") == 40
        assert total(scrape(), "noren_database_connections", alias="default") >= 1


@pytest.fixture
def environment() -> dict[str, str]:
    return {**os.environ, "METRICS_PORT": str(any_free()), "LOG_LEVEL": "ERROR"}


@pytest.mark.parametrize("program", ["relay", "worker"])
def test_programs_without_a_web_answer_on_a_private_port(
    environment: dict[str, str], program: str
) -> None:
    argv = {
        "relay": [sys.executable, "-m", "django", "relay"],
        "worker": [
            *(sys.executable, "-m", "celery", "--quiet", "-A", "noren.config.celery", "worker"),
            *("--concurrency", "1", "--without-gossip", "--without-mingle"),
        ],
    }[program]
    process = GuardedProcess(argv, env=environment, output=subprocess.DEVNULL)
    process.start()
    url = f"http://{LOOPBACK}:{environment['METRICS_PORT']}/metrics"
    try:
        text = eventually(url)
    finally:
        process.stop()
    assert "noren_" in text


def eventually(url: str) -> str:
    import time

    parts = urlsplit(url)
    deadline = time.monotonic() + 60
    while True:
        line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
        try:
            line.request("GET", parts.path)
            answer = line.getresponse()
            text = answer.read().decode()
            if "noren_" in text:
                return text
        except OSError:
            pass
        finally:
            line.close()
        assert time.monotonic() < deadline, json.dumps({"url": url})
        time.sleep(0.2)

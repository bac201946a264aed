"""The trace of an order, from the request to the mail, as a collector receives it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.conf import settings
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from noren_kit.testing.live import live_server
from noren_kit.testing.receiving import Receiver, awaited
from noren_kit.testing.shops import Shop
from store import API, Store

sys.path.append(str(Path(__file__).parents[2]))
from rehearsal.mailbox import Mailbox

RELAY = """
import django
django.setup()
from noren_kit.outbox.relay import relay_once
print(relay_once())
"""
WORKER = (
    "-m celery -q -A noren.config.celery worker --pool solo --concurrency 1 --without-gossip"
    " --without-mingle --without-heartbeat"
)


class Collector(Receiver):
    """Takes spans by OTLP over HTTP."""

    def __init__(self) -> None:
        super().__init__()
        self.spans: list[Any] = []

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)

    def find(self, name: str, trace: bytes | None = None) -> Any:
        for each in list(self.spans):
            if each.name == name and trace in (None, each.trace_id):
                return each
        return None

    def wait(self, name: str, trace: bytes | None = None) -> Any:
        """The first span of that name, of any trace or of this one."""
        found = awaited(lambda: self.find(name, trace))
        assert found, f"No span {name} among {sorted({each.name for each in self.spans})}"
        return found


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as made:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{made.place}")
        monkeypatch.setenv("TRACES_RATIO", "1")
        yield made


def summary_of(span: Any) -> str:
    told = {each.key: each.value.string_value for each in span.attributes}
    return told.get("db.query.summary", "")


def test_the_trace_of_an_order(
    collector: Collector, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever other tests have queued is in another database.
    monkeypatch.setenv("REDIS_URL", urlsplit(settings.REDIS_URL)._replace(path="/9").geturl())
    store = Store(shop)
    product, customer = store.product(name="Secret tea"), store.customer()
    with Mailbox() as mailbox:
        monkeypatch.setenv("EMAIL_BACKEND", "noren_kit.observability.mailing.EmailBackend")
        monkeypatch.setenv("EMAIL_HOST", "127.0.0.1")
        monkeypatch.setenv("EMAIL_PORT", str(mailbox.port))
        with live_server() as base:
            answer = requests.post(
                f"{base}{API}orders/",
                json={
                    "customer": customer["id"],
                    "items": [{"product_id": product["id"], "quantity": 1}],
                },
                headers={"Authorization": f"Bearer {shop.token('owner')}"},
                timeout=10,
            )
            assert answer.status_code == 201, answer.text
            web = collector.wait("POST api/v1/orders/")
        relayed = subprocess.run(
            [sys.executable, "-c", RELAY],
            check=True,
            env=os.environ,
            capture_output=True,
            text=True,
        )
        assert int(relayed.stdout.split()[-1]) >= 1
        worker = subprocess.Popen([sys.executable, *WORKER.split()], env=os.environ)
        try:
            mail = collector.wait("mail send", web.trace_id)
            task = collector.wait("task outbox.deliver", web.trace_id)
        finally:
            worker.terminate()
            worker.wait(30)
    relay = collector.wait("outbox relay", web.trace_id)
    of_order = [each for each in collector.spans if each.trace_id == web.trace_id]
    names = {each.name for each in of_order}
    assert {"outbox relay", "task outbox.deliver", "mail send", "redis"} <= names
    stored = "\n".join(summary_of(each) for each in of_order if each.parent_span_id == web.span_id)
    for table in ("orders_order", "orders_orderline", "outbox_event", "outbox_delivery"):
        assert f"INSERT {table}" in stored, stored
    # live_server has asked whether the web is ready, all the time.
    assert not {each.name for each in collector.spans if each.name.startswith("GET")}
    assert relay.parent_span_id == web.span_id
    assert task.parent_span_id == relay.span_id
    assert mail.parent_span_id == task.span_id
    assert web.parent_span_id == b""
    told = "\n".join(map(str, collector.spans))
    assert [
        each for each in ("sato@example.com", "Sato", "Secret tea", "eyJ") if each in told
    ] == []


def test_without_the_variable_nothing_is_imported() -> None:
    script = (
        "from noren_kit.api.serving import import_and_freeze; import sys;"
        " import_and_freeze('noren.config.wsgi:application');"
        " sys.exit('opentelemetry.sdk' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, env=os.environ, timeout=60)
    assert done.returncode == 0


def test_the_collector_may_be_named_in_a_file(
    collector: Collector, shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = tmp_path / "collector"
    place.write_text(f"http://{collector.place}\n")
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT_FILE", str(place))
    headers = {"Authorization": f"Bearer {shop.token('owner')}"}
    with live_server() as base:
        assert requests.get(f"{base}{API}products/", headers=headers, timeout=10).ok
        collector.wait("GET api/v1/products/")


def test_a_collector_that_is_away_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, shop: Shop
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("TRACES_RATIO", "1")
    token = shop.token("owner")
    with live_server() as base:
        for _number in range(5):
            answer = requests.get(
                f"{base}{API}products/", headers={"Authorization": f"Bearer {token}"}, timeout=10
            )
            assert answer.status_code == 200

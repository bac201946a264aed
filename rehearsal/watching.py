"""What a real Prometheus sees by the shipped files: every process, orders, an outage."""

from __future__ import annotations

import http.client
import json
from functools import partial
from typing import Any
from urllib.parse import quote

from rehearsal.servers import DEPLOY
from rehearsal.stage import Stage

PLANTED, ALERT = "beat", "NorenDown"
ALERT_SECONDS, SCRAPE_SECONDS = 90.0, 20.0


def ask(stage: Stage, path: str) -> Any:
    """What Prometheus's API answers (prometheus.io, "HTTP API")."""
    connection = http.client.HTTPConnection(*stage.servers.prometheus, timeout=10)
    connection.request("GET", f"/api/v1/{path}")
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer["data"] if answer["status"] == "success" else answer["error"]


def has_value(stage: Stage, expression: str) -> bool:
    return bool(ask(stage, f"query?query={quote(expression)}")["result"])


def targets(stage: Stage) -> None:
    """Web, worker, beat and relay are scraped, and what they say is there."""
    report, wanted = stage.report, len(stage.servers.web_ports) + 3

    def up() -> bool:
        found = ask(stage, "targets")["activeTargets"]
        return len(found) == wanted and all(each["health"] == "up" for each in found)

    report.check(f"Prometheus: {wanted} targets are up", stage.eventually(up, SCRAPE_SECONDS))


def figures(stage: Stage) -> None:
    """After an order: business, tasks, outbox; and every panel's question is a question."""
    report = stage.report
    for what, expression in (
        ("requests by route", 'sum(noren_http_requests_total{route="api/v1/orders/"})'),
        ("orders", "sum(noren_orders_placed_total)"),
        ("revenue", "sum(noren_orders_revenue_total) > 0"),
        ("tasks", 'sum(noren_tasks_total{task="outbox.deliver",outcome="success"})'),
        ("the outbox's lag", "max(noren_outbox_lag_seconds) >= 0"),
    ):
        seen = stage.eventually(partial(has_value, stage, expression), SCRAPE_SECONDS)
        report.check(f"Prometheus: {what}", seen)
    panels = json.loads((DEPLOY / "prometheus" / "dashboard.json").read_text())["panels"]
    # Grafana puts its own in there.
    asked = [
        target["expr"].replace("$__rate_interval", "1m")
        for panel in panels
        for target in panel["targets"]
    ]
    wrong = [each for each in asked if isinstance(ask(stage, f"query?query={quote(each)}"), str)]
    report.equal(f"Prometheus: the dashboard's {len(asked)} questions", wrong, [])


def outage(stage: Stage) -> None:
    """Beat is gone: the alert fires after its minute, and ends when beat is there again."""
    report = stage.report
    before = [name for name, state in alerts(stage).items() if state == "firing"]
    report.equal("Prometheus: nothing fires before", before, [])
    stage.application.stop(PLANTED)
    fired = stage.eventually(lambda: alerts(stage).get(ALERT) == "firing", ALERT_SECONDS)
    report.check(f"Prometheus: {ALERT} fires", fired, alerts(stage))
    stage.application.run_again(PLANTED)
    over = stage.eventually(lambda: ALERT not in alerts(stage), ALERT_SECONDS)
    report.check(f"Prometheus: {ALERT} ends", over, alerts(stage))


def alerts(stage: Stage) -> dict[str, str]:
    """The state of each alert that is pending or firing."""
    return {each["labels"]["alertname"]: each["state"] for each in ask(stage, "alerts")["alerts"]}

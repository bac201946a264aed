"""The served schema against the running server: thousands of generated requests, no difference.

Each constraint of each operation is met and broken; in `make soak` three times as many requests
are made up besides.

Schemathesis reads the document from a live server and sends what it allows and what it forbids;
every answer must have a status, a content type, headers and a body that the document names.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from noren_kit.testing.live import live_server
from noren_kit.testing.shops import Shop

HERE = Path(__file__).parent
CASES = 5_000
# Of the processor, for server and generator together; the clock also counts who else is busy.
SECONDS = 360
# Of fuzzed requests per operation; the coverage phase adds those of each constraint.
EXAMPLES = 20 if "NOREN_SOAK" in os.environ else 4
# Of orders: one that is made up is rarely whole, and with so many one or two are.
ORDER_EXAMPLES = 20
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
]
# Answers of earlier requests are no source of values, so that each run sends the same.
SETTINGS = """
[warnings]
enabled = false

[phases.coverage.extra-data-sources]
responses = false

[phases.fuzzing.extra-data-sources]
responses = false

[generation]
max-examples = %d

[[operations]]
include-name = "POST /api/v1/orders/"
generation.max-examples = %d
"""


SPARE: dict[str, dict[str, Any]] = {
    "suppliers": {"code": "spare"},
    "members": {"email": "spare@example.com", "roles": ["viewer"]},
    "roles": {"slug": "spare", "permissions": []},
    "api-keys": {"scopes": ["catalog.view_brand"]},
}


def rows_of(shop: Shop) -> dict[str, str]:
    """A row of everything, by the names under which requests refer to it."""
    client, rows = shop.client(), dict[str, str]()

    def make(path: str, name: str, body: dict[str, Any]) -> None:
        made = client.post(f"/api/v1/{path}/", body)
        assert made.status_code == 201, made.json()
        rows[path] = rows[name] = made.json()["id"]

    make("categories", "category", {"name": "All"})
    make("brands", "brand", {"name": "Brand"})
    make("suppliers", "supplier", {"code": "acme", "name": "Acme"})
    make("tags", "tag", {"name": "tag"})
    goods = {"name": "Cup", "sku": "1", "price": "10", "status": "active"}
    stocked = {**goods, "category": rows["category"], "stock_quantity": 1_000_000_000}
    make("products", "product_id", stocked)
    below = f"products/{rows['product_id']}"
    make(f"{below}/variants", "variant_id", {"name": "L", "sku": "1-L", "stock_quantity": 1_000})
    make(f"{below}/reviews", "review", {"rating": 5})
    rows |= {"variants": rows["variant_id"], "reviews": rows["review"]}
    make("customers", "customer", {"name": "Aoi"})
    lines = [{"product_id": rows["product_id"], "quantity": 1}]
    make("orders", "order", {"customer": rows["customer"], "items": lines})
    make("members", "member", {"email": "aoi@example.com", "roles": ["viewer"]})
    make("roles", "role", {"slug": "till", "name": "Till", "permissions": []})
    make("api-keys", "key", {"name": "Till", "scopes": ["catalog.view_brand"]})
    for path in ("brands", "tags", "categories", "customers", *SPARE):
        spare = client.post(f"/api/v1/{path}/", {"name": "Spare", **SPARE.get(path, {})})
        rows[f"spare {path}"] = spare.json()["id"]
    return {**rows, "parent": rows["category"], "user": str(shop.users["viewer"].id)}


def run(base_url: str, shop: Shop, folder: Path) -> tuple[int, str, dict[str, Any]]:
    """Exit code, output and report of one run."""
    (folder / "schemathesis.toml").write_text(SETTINGS % (EXAMPLES, ORDER_EXAMPLES))
    report = folder / "report.json"
    command = [
        *(sys.executable, "-m", "schemathesis.cli"),
        *("--config-file", str(folder / "schemathesis.toml")),
        *("run", f"{base_url}/api/schema/"),
        *("--header", f"Authorization: Bearer {shop.token('owner')}"),
        *("--checks", ",".join(CHECKS)),
        *("--phases", "examples,coverage,fuzzing", "--mode", "all"),
        *("--generation-deterministic", "--no-shrink"),
        *("--workers", "1", "--continue-on-failure", "--request-timeout", "20"),
        *("--report", "json", "--report-json-path", str(report), "--no-color"),
    ]
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    environment = {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": path}
    environment |= {"NOREN_ROWS": json.dumps(rows_of(shop))}
    environment |= {"NOREN_OTHER_TOKEN": shop.token("viewer")}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    output = done.stdout + done.stderr
    assert report.exists(), output[-3_000:]
    return done.returncode, output, json.loads(report.read_text())


def used_by_children() -> float:
    """Seconds of the processor that ended child processes have used."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def test_server_does_what_its_schema_says(shop: Shop, tmp_path: Path) -> None:
    started, before = time.monotonic(), used_by_children()
    with live_server() as base_url:
        code, output, report = run(base_url, shop, tmp_path)
    waited, seconds = time.monotonic() - started, used_by_children() - before
    placed = shop.client().get("/api/v1/orders/").json()["count"]
    assert placed >= 1, "The requests never got past the look-up of their ids."
    shown = output[output.find("= FAILURES =") :][:6_000]
    assert report["failures"] == [], shown
    assert code == 0, output[-3_000:]
    operations, cases = report["operations"], report["test_cases"]
    assert operations["tested"] == operations["total"] >= 45, operations
    assert [cases["with_failures"], cases["errored"]] == [0, 0], cases
    assert cases["generated"] >= CASES, cases
    assert report["complete"] is True
    figures = f"{cases['generated']} cases in {waited:.0f} s, {seconds:.0f} s of the processor"
    assert seconds < SECONDS, figures
    print(figures)

"""The proxy's limits by address: 10 a second with a burst of 20; sign-in 1 with a burst of 5."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from rehearsal.client import Answer
from rehearsal.stage import Stage

AT_ONCE = 10


def check(stage: Stage) -> None:
    """Past its limit an address is refused, and no other is."""
    _hammer(stage, "requests", "GET", "/api/v1/brands/", "127.0.0.31", rate=10, burst=20, count=80)
    _hammer(stage, "sign-in", "POST", "/api/auth/token/", "127.0.0.32", rate=1, burst=5, count=20)
    client = stage.client("127.0.0.33")
    stage.report.equal("another address", client.send("GET", "/api/v1/brands/").status, 401)
    client.close()


def _hammer(
    stage: Stage,
    what: str,
    method: str,
    path: str,
    source: str,
    *,
    rate: int,
    burst: int,
    count: int,
) -> None:
    from rehearsal.use import envelope_holds, headers_hold

    report = stage.report
    body = {"username": "nobody", "password": "nothing"} if method == "POST" else None

    def ask(_number: int) -> Answer:
        client = stage.client(source)
        try:
            return client.send(method, path, body)
        finally:
            client.close()

    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(ask, range(count)))
    statuses = Counter(answer.status for answer in answers)
    refused = next((answer for answer in answers if answer.status == 429), None)
    most = 1 + burst + rate * (time.monotonic() - began)
    passed = count - statuses[429]
    report.check(f"{what}: the burst passes", passed >= min(count, 1 + burst), statuses)
    report.check(f"{what}: no more than {rate}/s after it", passed <= most + 1, (statuses, most))
    report.check(f"{what}: the rest is refused", refused is not None, statuses)
    if refused is not None:
        envelope_holds(stage, f"{what} refused", refused, 429, "throttled")
        headers_hold(stage, f"{what} refused", refused)
        report.equal(f"{what} refused: Retry-After", refused.headers.get("retry-after"), "1")

"""What a request leaves in the log, the long way and the short one, and what is warned of."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings
from short_way import Process

from noren_kit.db.tally import shown
from noren_kit.observability.logging import StructuredFormatter
from noren_kit.testing.queries import recorded_statements
from noren_kit.testing.shops import Client, Shop

TAGS = "/api/v1/tags/"


class Lines:
    def __init__(self, written: io.StringIO) -> None:
        self._written = written

    def of(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(each) for each in self._written.getvalue().splitlines()]
        return [each for each in lines if each["event"] == event]


@pytest.fixture
def lines() -> Iterator[Lines]:
    root = logging.getLogger()
    (formatter,) = {
        each.formatter for each in root.handlers if isinstance(each.formatter, StructuredFormatter)
    }
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(formatter)
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.INFO)
    yield Lines(written)
    root.setLevel(level)
    root.removeHandler(handler)


def slow(**limits: float) -> Any:
    return override_settings(NOREN_KIT={**settings.NOREN_KIT, **limits})


def test_a_line_at_the_start_and_one_at_the_end(shop: Shop, lines: Lines) -> None:
    client = shop.client("staff")
    agent = "browser of hanako@example.jp"
    with recorded_statements() as statements:
        answer = client.get(
            TAGS, headers={"X-Request-ID": "asked-1", "User-Agent": agent, "Accept": "*/*"}
        )
    (start,) = [each for each in lines.of("request_started") if each["request_id"] == "asked-1"]
    (end,) = [each for each in lines.of("request") if each["request_id"] == "asked-1"]
    assert (start["method"], start["path"], start["client"]) == ("GET", TAGS, "127.0.0.1")
    assert start["user_agent"] == end["user_agent"] == "browser of ***"
    assert end["tenant"] == "hanabi"
    assert end["user_id"] == str(shop.users["staff"].id)
    assert (end["method"], end["route"], end["status"]) == ("GET", "api/v1/tags/", 200)
    assert end["size"] == len(answer.content)
    assert end["client"] == "127.0.0.1"
    assert end["statements"] >= len(statements) > 0
    assert 0 < end["database_ms"] <= end["duration_ms"] + 0.1
    assert start["timestamp"] <= end["timestamp"]


def test_the_short_way_writes_them_too(shop: Shop, lines: Lines) -> None:
    client = shop.client("staff")
    client.post(TAGS, {"name": "white"})
    process = Process()
    for _ in range(3):  # long, learned, short
        kept = process.get(client, TAGS)
    assert not kept.long
    known = {"HTTP_IF_NONE_MATCH": kept.headers["ETag"], "HTTP_X_REQUEST_ID": "same"}
    assert not process.get(client, TAGS, **known).long
    assert len(lines.of("request_started")) == len(lines.of("request"))
    (end,) = [each for each in lines.of("request") if each["request_id"] == "same"]
    assert (end["status"], end["route"], end["size"]) == (304, "api/v1/tags/", 0)
    assert end["statements"] == 1, "the caller's standing"
    assert end["database_ms"] > 0
    ids = [each["request_id"] for each in lines.of("request_started")]
    assert len(ids) == len(set(ids))


def test_slow_requests_and_statements_are_warned_of(shop: Shop, lines: Lines) -> None:
    with slow(SLOW_REQUEST_SECONDS=0.0, SLOW_STATEMENT_MILLISECONDS=2.0):
        shop.client("staff").get(TAGS)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(%s), 'my secret', %s", [0.01, "a parameter"])
    assert lines.of("slow_request")[0]["level"] == "warning"
    (line,) = [each for each in lines.of("slow_statement") if "pg_sleep" in each["statement"]]
    assert line["statement"] == "SELECT pg_sleep(%s), '?', %s"
    assert line["duration_ms"] >= 10
    assert line["level"] == "warning"


def test_quick_ones_are_not(shop: Shop, lines: Lines) -> None:
    shop.client("staff").get(TAGS)
    assert lines.of("slow_request") == []


def test_an_error_is_written_without_secrets(lines: Lines) -> None:
    try:
        raise ValueError("Bearer abc of taro@example.jp")
    except ValueError:
        logging.getLogger("noren.anything").exception("it failed: password=hunter22")
    (line,) = lines.of("it failed: password=***")
    assert "ValueError: Bearer *** of ***" in line["exception"]


def test_probes_leave_no_line(lines: Lines) -> None:
    Client().get("/health/live/")
    assert lines.of("request") == lines.of("request_started") == []


def test_values_in_a_statement_are_not_shown() -> None:
    assert shown("SELECT 'it''s me',\n  a FROM b") == "SELECT '?', a FROM b"

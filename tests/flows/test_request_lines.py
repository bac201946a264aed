"""The line of a request takes a way of its own, and comes out as any other would."""

from __future__ import annotations

import io
import json
import logging
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from noren_kit.core import context
from noren_kit.observability.logging import StructuredFormatter, get_logger, log_facts

FACTS: dict[str, Any] = {"method": "GET", "route": "api/日本/", "status": 200, "size": None}


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the process's own formatter writes of one logger."""
    (root,) = [
        each
        for each in logging.getLogger().handlers
        if isinstance(each.formatter, StructuredFormatter)
    ]
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(root.formatter)
    logger = logging.getLogger("noren.request")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    yield written
    logger.removeHandler(handler)
    logger.setLevel(level)


def two(lines: io.StringIO, **facts: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    with context.request_scope("an-id"), structlog.contextvars.bound_contextvars(bound="here"):
        log_facts("noren.request", "request", **facts)
        get_logger("noren.request").info("request", **facts)
    first, second = (json.loads(line) for line in lines.getvalue().splitlines())
    return first, second


def test_the_same_members_in_the_same_order(lines: io.StringIO) -> None:
    short, usual = two(lines, **FACTS)
    assert list(short) == list(usual)
    assert len(short.pop("timestamp")) == len(usual.pop("timestamp"))
    assert short == usual
    assert (short["request_id"], short["bound"], short["level"]) == ("an-id", "here", "info")


def test_what_json_has_not_is_written_as_ever(lines: io.StringIO) -> None:
    short, usual = two(lines, odd={1, 2}, lone="\ud800")
    assert (short["odd"], short["lone"]) == (usual["odd"], usual["lone"])


def test_no_line_below_the_level(lines: io.StringIO) -> None:
    logging.getLogger("noren.request").setLevel(logging.WARNING)
    log_facts("noren.request", "request", id=uuid.uuid4())
    assert lines.getvalue() == ""

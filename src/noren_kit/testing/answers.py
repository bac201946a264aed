# ruff: noqa: S101
"""Two answers compared as a client would: is one told apart from the other by anything?

Left out are what differs between any two answers: the time, the request id, the limits left; and
of an entity tag what it is, for it names the address that was asked, by a digest with a secret.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any

_IGNORED_HEADERS = frozenset({"date", "x-request-id", "ratelimit", "ratelimit-policy"})
_IGNORED_MEMBERS = frozenset({"timestamp", "request_id", "instance"})
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
ERROR_MEMBERS = frozenset(
    {"error", "status_code", "code", "message", "details", "timestamp", "request_id"}
)


@dataclass(frozen=True)
class Outward:
    """What a client sees of an answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: Any


def _without(value: Any, asked: str) -> Any:
    if isinstance(value, dict):
        return {
            key: _without(item, asked) for key, item in value.items() if key not in _IGNORED_MEMBERS
        }
    if isinstance(value, list):
        return [_without(item, asked) for item in value]
    return _echo(value, asked) if isinstance(value, str) else value


def _echo(text: str, asked: str) -> str:
    return text.replace(asked, "<asked>") if asked else text


def outward(response: Any, asked: uuid.UUID | str = "") -> Outward:
    """`response` without time, request id and limits; `asked`, an id that was sent, is masked."""
    text = str(asked)
    kind = response.headers.get("Content-Type", "")
    is_json = "json" in kind and response.content
    body = _without(response.json(), text) if is_json else _echo(response.text, text)
    headers = sorted(
        (name.lower(), "<tag>" if name.lower() == "etag" else _echo(value, text))
        for name, value in response.headers.items()
        if name.lower() not in _IGNORED_HEADERS
    )
    return Outward(response.status_code, tuple(headers), body)


def assert_error(response: Any, status: int, code: str | None = None) -> dict[str, Any]:
    """Assert the one envelope, exactly, and return its `details`."""
    __tracebackhide__ = True
    body = response.json()
    assert response.status_code == status, (response.status_code, body)
    assert set(body) == ERROR_MEMBERS, body
    assert body["error"] is True
    assert body["status_code"] == status
    assert _TIME.fullmatch(body["timestamp"]), body["timestamp"]
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert body["message"]
    if code is not None:
        assert body["code"] == code, body
    details: dict[str, Any] = body["details"]
    return details


def assert_time(value: Any) -> None:
    """Assert ISO 8601 in UTC, ending in Z."""
    __tracebackhide__ = True
    assert isinstance(value, str), value
    assert _TIME.fullmatch(value), value

"""Whether all systems answer alike: a difference stops the benchmark before anything is measured.

Answers are compared as JSON with sorted keys. What can't be the same is checked for its form and
masked: ids and moments of what was just written, the address of the system, and the order of
tags and of the parameters of links, which nobody promises.
"""

from __future__ import annotations

import difflib
import json
import re
import uuid
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import scenarios
from client import Client
from scenarios import IDEMPOTENCY_KEY, Facts, Request
from stack import System

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NUMBER = re.compile(r"\d{4}-\d{6,}")
# What a write makes anew, by the path in the answer, and the form that it has.
_NEW_IN_PRODUCT = {"updated_at": _MOMENT, "results.updated_at": _MOMENT}
_NEW_IN_ORDER = {
    "id": _ID,
    "items.id": _ID,
    "order_number": _NUMBER,
    "placed_at": _MOMENT,
    "created_at": _MOMENT,
    "updated_at": _MOMENT,
}


def check_equal(systems: list[System], facts: Facts) -> int:
    """Compare all systems to the first; returns how many answers of each. Exits on a difference.

    Reads come first, then a write and what it shows, then orders.
    """
    terms = [facts.terms[0], facts.terms[7], *facts.terms[-3:]]
    reads = [
        scenarios.list_page(),
        scenarios.deep_page(),
        scenarios.deep_page(3),
        *(scenarios.search(term) for term in terms),
        *(scenarios.detail(each) for each in facts.products[::500][:20]),
        *(scenarios.detail(each) for each in facts.full),
    ]
    checked = _compare(systems, reads, _masked)
    masked = _masking(_NEW_IN_PRODUCT)
    newest = facts.products[-1]
    for product in (newest, *facts.full[:4]):
        written = [scenarios.write(product, 12_345), scenarios.detail(product)]
        checked += _compare(systems, written, masked)
    checked += _compare(systems, [scenarios.list_page()], masked)
    chosen = facts.plentiful[:6]
    orders = [
        scenarios.order(facts.customers[0], [(each, 2) for each in chosen[:3]]),
        scenarios.order(facts.customers[1], [(each, 1) for each in chosen[2:]]),
    ]
    checked += _compare(systems, orders, _masking(_NEW_IN_ORDER))
    _check_keys(systems, orders[0])
    return checked


def _check_keys(systems: list[System], order: Request) -> None:
    """That Noren looks at the keys of orders, for that is part of what is measured."""
    key = {IDEMPOTENCY_KEY: uuid.uuid4().hex}
    for system in systems:
        if system.is_noren:
            with Client(system) as client:
                _first, (status, headers, _body) = (client.send(order, **key) for _ in range(2))
            if status != 201 or headers["Idempotent-Replayed"] != "true":
                raise SystemExit(f"{system.name} does not know a key again: {status}")


def _compare(systems: list[System], requests: Iterable[Request], mask: Callable[[Any], Any]) -> int:
    checked = 0
    for request in requests:
        first, exact = "", None
        for system in systems:
            with Client(system) as client:
                answer = client.json(request)
            exact = exact or answer
            if system.is_noren:
                answer = _counted_as(exact, answer)
            text = _text(mask(_without_address(answer, system.base_url)))
            first = first or text
            if text != first:
                _refuse(systems[0], system, request, first, text)
        checked += 1
    return checked


def _counted_as(exact: Any, answer: Any) -> Any:
    """The answer with the exact count, where it says itself that there are more than it counts."""
    info = answer.get("page_info") or {}
    if not info.get("count_is_minimum") or answer["count"] >= exact["count"]:
        return answer
    known = {name: value for name, value in info.items() if name != "count_is_minimum"}
    known["total_pages"] = exact["page_info"]["total_pages"]
    return {**answer, "count": exact["count"], "page_info": known}


def _with_sorted_query(link: str) -> str:
    parts = urlsplit(link)
    return urlunsplit(parts._replace(query=urlencode(sorted(parse_qsl(parts.query)))))


def _text(answer: Any) -> str:
    return json.dumps(answer, sort_keys=True, ensure_ascii=False, indent=1)


def _without_address(answer: Any, base_url: str) -> Any:
    return json.loads(json.dumps(answer).replace(base_url, "http://system"))


def _masked(answer: Any, new: dict[str, re.Pattern[str]] | None = None, path: str = "") -> Any:
    if isinstance(answer, dict):
        return {
            name: _masked(value, new, f"{path}.{name}".lstrip("."))
            for name, value in answer.items()
        }
    if isinstance(answer, list):
        rows = [_masked(each, new, path) for each in answer]
        return sorted(rows) if path.endswith("tags") else rows
    if path in ("next", "previous") and answer is not None:
        return _with_sorted_query(answer)
    form = (new or {}).get(path)
    if form is not None and form.fullmatch(str(answer)):
        return "new"
    return answer


def _masking(new: dict[str, re.Pattern[str]]) -> Callable[[Any], Any]:
    return lambda answer: _masked(answer, new)


def _refuse(first: System, other: System, request: Request, one: str, two: str) -> None:
    lines = difflib.unified_diff(
        one.splitlines(), two.splitlines(), first.name, other.name, lineterm="", n=2
    )
    shown = "\n".join(list(lines)[:60])
    raise SystemExit(f"Not equal: {request.method} {request.path}\n{shown}")

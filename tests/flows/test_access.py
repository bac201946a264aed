"""Who may do what, stated for every route, verb and kind of caller (`access_table.txt`).

Each cell is one request with a credential of its kind, on an object that nothing has changed and
with a body that an owner may send. A route or verb without a line fails, and so does a line
without a route.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from access_requests import CALLERS, Callers, Requests
from hostile import Operation, operations

from noren_kit.testing.shops import Shop

TABLE = Path(__file__).with_name("access_table.txt")


def stated() -> dict[str, dict[str, int]]:
    """The statuses of each line, by caller."""
    heading, *lines = [
        line.split() for line in TABLE.read_text().splitlines() if line and line[0] != "#"
    ]
    assert tuple(heading) == CALLERS
    table = {}
    for method, template, *statuses in lines:
        name = f"{method} {template}"
        assert name not in table, f"{name} stands twice"
        table[name] = dict(zip(CALLERS, map(int, statuses), strict=True))
    return table


STATED = stated()


def line(operation: Operation, statuses: dict[str, int]) -> str:
    cells = "".join(f"{statuses[caller]:>10}" for caller in CALLERS)
    return f"{operation.method:<7}{operation.template:<52}{cells}"


def test_every_route_and_verb_has_a_line() -> None:
    offered = {str(each) for each in operations()}
    assert sorted(offered - set(STATED)) == [], "state who may do this in access_table.txt"
    assert sorted(set(STATED) - offered) == [], "nothing is offered there any more"


@pytest.mark.parametrize("template", sorted({each.template for each in operations()}))
def test_each_caller(shop: Shop, neighbour: Shop, template: str) -> None:
    callers = Callers(shop, neighbour)
    requests = Requests(shop, callers.platform())
    wrong: list[str] = []
    for operation in operations():
        if operation.template != template:
            continue
        found: dict[str, int] = {}
        answers: dict[str, Any] = {}
        for caller in CALLERS:
            response = requests.send(operation, callers.client(caller))
            found[caller] = response.status_code
            answers[caller] = response
        if found != STATED.get(str(operation)):
            wrong.append(line(operation, found))
    assert not wrong, "\n".join(["found instead:", *wrong])

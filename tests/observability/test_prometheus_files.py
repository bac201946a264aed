"""Alerts and dashboard ask for what there is: each name in them is one of the registry's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import noren.orders.services.measures  # noqa: F401  registers the shop's own
from noren_kit.observability import metrics

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
_NAME = re.compile(r"\bnoren_[a-z_]+")
_ENDING = re.compile(r"_(total|created|bucket|count|sum)$")


def named(text: str) -> set[str]:
    return set(_NAME.findall(text))


def families(names: set[str]) -> set[str]:
    return {_ENDING.sub("", name) for name in names}


def expressions() -> str:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    return "\n".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])


@pytest.mark.parametrize(
    "text", [(FOLDER / "alerts.yml").read_text(), expressions()], ids=["alerts", "dashboard"]
)
def test_every_metric_is_there(text: str) -> None:
    assert named(text)
    assert named(text) <= metrics.names()


def test_every_metric_is_shown() -> None:
    assert families(metrics.names()) <= families(named(expressions()))


def test_panels_stand_apart() -> None:
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    places = {(each["gridPos"]["x"], each["gridPos"]["y"]) for each in panels}
    assert len(places) == len({each["id"] for each in panels}) == len(panels)

"""A list that a cursor can't walk whole does not start."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks

from noren.orders.views import CustomerViewSet
from noren_kit.accounts.permissions import ResourcePermission
from noren_kit.api.checks import check_orderings, ordering_errors
from noren_kit.api.registry import Route


class ByUser(CustomerViewSet):
    ordering_fields = ["name", "user"]


class ByUserAtFirst(CustomerViewSet):
    ordering = ("-user", "name")


class ByNameOfUser(CustomerViewSet):
    """A column that is never null, of a row that there need not be."""

    ordering_fields = ["user"]
    ordering_paths = {"user": ("user__name", "user__id")}


class ByRelevance(CustomerViewSet):
    """An annotation's name is no field of the model."""

    ordering_fields = ["relevance"]


def faults(view: Any) -> list[str]:
    route = Route("customers/", view, (ResourcePermission,), frozenset({"list"}))
    return [f"{error.id} {error.msg}" for error in ordering_errors([route, route])]


@pytest.mark.parametrize("view", [ByUser, ByUserAtFirst, ByNameOfUser])
def test_an_ordering_that_may_be_null_is_refused(view: Any) -> None:
    (fault,) = faults(view)
    assert fault.startswith("noren.E008")
    assert "orders by user, which may be null" in fault


@pytest.mark.parametrize("view", [CustomerViewSet, ByRelevance])
def test_other_orderings_are_not(view: Any) -> None:
    assert faults(view) == []


def test_every_list_can_be_walked() -> None:
    assert check_orderings(None) == []
    assert "noren.E008" not in {each.id for each in run_checks()}

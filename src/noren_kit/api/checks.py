"""System checks: a route that nobody may use, or everybody, does not start unnoticed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core import checks

from noren_kit.accounts.permissions import right_of
from noren_kit.api.registry import Route, routes


def _faults(route: Route) -> Iterable[tuple[str, str]]:
    if not route.permission_classes:
        yield "noren.E007", "has no permission classes: it is open to everybody"
    if not route.asks_rights:
        return
    if route.actions is None:
        yield "noren.E006", "has no actions whose right could be asked for"
    for action in sorted(route.actions or ()):
        if right_of(route.view, action) is None:
            yield "noren.E006", f"names no right for the action {action}: it is refused to all"


def permission_errors(found: Iterable[Route]) -> list[checks.CheckMessage]:
    """The faults of these routes, each once, as system check errors."""
    errors = {
        (route.view.__qualname__, code, fault): checks.Error(
            f"{route.view.__module__}.{route.view.__qualname__} ({route.path}) {fault}.",
            obj=route.view,
            id=code,
        )
        for route in found
        for code, fault in _faults(route)
    }
    return list(errors.values())


@checks.register("permissions")
def check_permissions(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """E006: an action without a right. E007: a view without permission classes."""
    return permission_errors(routes())

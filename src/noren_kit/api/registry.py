"""Every right that exists, and the row rules of every resource, read off the routes.

Rights are nowhere listed by hand: a route asks for its right, so what no route and no service
asks for does not exist, and can't be granted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import URLPattern, URLResolver, get_resolver

from noren_kit.accounts.permissions import (
    ResourcePermission,
    bulk_right_of,
    least_right_of,
    model_of,
    right_of,
)
from noren_kit.accounts.rights import BUILT_IN_ROLES, holds
from noren_kit.accounts.row_rules import RowRule


@dataclass(frozen=True, slots=True)
class Route:
    """A view class at a path; `actions` are those whose method is offered, none on plain views."""

    path: str
    view: Any
    permission_classes: tuple[Any, ...]
    actions: frozenset[str] | None

    @property
    def asks_rights(self) -> bool:
        """Whether the right of the action decides, by itself or composed with others."""
        return any(_contains(each) for each in self.permission_classes)


def _contains(permission: Any) -> bool:
    if isinstance(permission, type):
        return issubclass(permission, ResourcePermission)
    operands = (getattr(permission, name, None) for name in ("op1_class", "op2_class"))
    return any(_contains(each) for each in operands if each is not None)


def _patterns(resolver: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for each in resolver.url_patterns:
        path = f"{prefix}{each.pattern}"
        if isinstance(each, URLResolver):
            yield from _patterns(each, path)
        elif isinstance(each, URLPattern):
            yield path, each.callback


def _route(path: str, callback: Any) -> Route:
    view = callback.cls
    stated = getattr(callback, "initkwargs", {}).get("permission_classes", view.permission_classes)
    by_method = getattr(callback, "actions", None)
    actions = None
    if by_method is not None:
        offered = set(view.http_method_names) - {"head", "options"}
        actions = frozenset(action for method, action in by_method.items() if method in offered)
    return Route(path, view, tuple(stated), actions)


@cache
def _routes(urlconf: Any) -> tuple[Route, ...]:
    found = _patterns(get_resolver(urlconf))
    return tuple(_route(path, callback) for path, callback in found if hasattr(callback, "cls"))


def routes() -> tuple[Route, ...]:
    """Every routed view of Django REST framework; read once per process."""
    return _routes(settings.ROOT_URLCONF)


@cache
def _known_rights(urlconf: Any) -> frozenset[str]:
    rights: set[str] = set()
    for route in _routes(urlconf):
        rights.update(getattr(route.view, "further_rights", ()))
        if not route.asks_rights:
            continue
        for action in route.actions or ():
            judges = (right_of, least_right_of, bulk_right_of)
            named = (judge(route.view, action) for judge in judges)
            rights.update(right for right in named if right is not None)
    return frozenset(rights)


def known_rights() -> frozenset[str]:
    """Every right that a routed action or a service asks for, `_own_` forms included."""
    return _known_rights(settings.ROOT_URLCONF)


def role_rights(role: str, permissions: Collection[str] = ()) -> frozenset[str]:
    """The known rights of a role: a built-in one by its slug, a tenant's own by what it lists."""
    roles = {role} & set(BUILT_IN_ROLES)
    return frozenset(right for right in known_rights() if holds(roles, permissions, right))


@cache
def _rules(urlconf: Any) -> dict[type[models.Model], tuple[RowRule, ...]]:
    found: dict[type[models.Model], tuple[RowRule, ...]] = {}
    for view in dict.fromkeys(route.view for route in _routes(urlconf)):
        rules = tuple(getattr(view, "row_rules", ()))
        if rules:
            model = view.resource_model()
            found[model] = tuple(dict.fromkeys((*found.get(model, ()), *rules)))
    return found


@cache
def _serializers(urlconf: Any) -> dict[type[models.Model], Any]:
    found: dict[type[models.Model], Any] = {}
    for view in dict.fromkeys(route.view for route in _routes(urlconf)):
        model, serializer = model_of(view), getattr(view, "serializer_class", None)
        if model is not None and serializer is not None:
            found.setdefault(model, serializer)
    return found


def serializer_of(model: type[models.Model]) -> Any:
    """What the resource of `model` shows a row by, None where no resource has such rows."""
    return _serializers(settings.ROOT_URLCONF).get(model)


def rules_of(model: type[models.Model]) -> tuple[RowRule, ...]:
    """The row rules of the resources that show rows of `model`."""
    return _rules(settings.ROOT_URLCONF).get(model, ())

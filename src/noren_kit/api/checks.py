"""System checks: a route that nobody may use, or everybody, does not start unnoticed.

Nor does an ordering by which a cursor would skip rows, a filter whose reads nobody states, or a
serializer that is not read at the speed of a statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.core import checks
from django.core.exceptions import FieldDoesNotExist

from noren_kit.accounts.permissions import model_of, right_of
from noren_kit.api.keyset import column_of
from noren_kit.api.reading import NotCompilable, compile_plan
from noren_kit.api.registry import Route, routes
from noren_kit.api.serializers import ResourceSerializer
from noren_kit.api.viewsets import ResourceViewSet


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


def _nullable_orderings(view: Any) -> Iterable[str]:
    if not hasattr(view, "orderings"):
        return
    model = model_of(view)
    if model is None:
        return
    for name in dict.fromkeys([*view.orderings(), *map(column_of, view.ordering)]):
        path, _of_row = view.ordering_paths.get(name, (name, ""))
        if _may_be_null(model, path):
            yield name


def _may_be_null(model: Any, path: str) -> bool:
    for part in path.split("__"):
        try:
            field = model._meta.get_field(part)
        except FieldDoesNotExist:
            return False  # An annotation's name, or one that fails at the first request.
        if getattr(field, "null", True):
            return True
        model = field.related_model
    return False


def _ordering_faults(route: Route) -> Iterable[tuple[str, str]]:
    for name in _nullable_orderings(route.view):
        yield "noren.E008", f"orders by {name}, which may be null: a cursor would skip such rows"


def _reading_faults(route: Route) -> Iterable[tuple[str, str]]:
    filterset = getattr(route.view, "filterset_class", None)
    for name, filter_ in getattr(filterset, "base_filters", {}).items():
        if filter_.method is not None and name not in getattr(filterset, "reads", {}):
            yield "noren.E009", f"filters {name} by a method, and its reads name no paths for it"


def _slow_serializers(route: Route) -> Iterable[tuple[str, str]]:
    for attribute in ("serializer_class", "list_serializer_class"):
        serializer = getattr(route.view, attribute, None)
        if serializer is None or model_of(route.view) is None:
            continue
        try:
            compile_plan(serializer())
        except NotCompilable as reason:
            name = serializer.__name__
            yield "noren.W001", f"shows rows by {name}, which is not compiled: {reason}"


_TWINS = {
    "perform_create": "perform_bulk_create",
    "perform_update": "perform_bulk_update",
    "perform_destroy": "perform_bulk_destroy",
    "create": "perform_bulk_create",
    "update": "perform_bulk_update",
    "destroy": "perform_bulk_destroy",
}
_SERIALIZER_TWINS = {"create": "bulk_create", "update": "bulk_update"}


def _without_twin(kind: Any, base: Any, twins: Mapping[str, str]) -> Iterable[str]:
    for name, twin in twins.items():
        own = getattr(kind, name, None) is not getattr(base, name, None)
        if own and getattr(kind, twin, None) in (None, getattr(base, twin)):
            yield f"{kind.__qualname__}.{name} is its own and {twin} is not"


def _bulk_faults(route: Route) -> Iterable[tuple[str, str]]:
    view = route.view
    if not {"bulk_create", "bulk_update", "bulk_destroy"} & (route.actions or set()):
        return
    written = [view.write_serializer_class or view.serializer_class, view.update_serializer_class]
    found = [*_without_twin(view, ResourceViewSet, _TWINS)]
    for serializer in filter(None, written):
        found += _without_twin(serializer, ResourceSerializer, _SERIALIZER_TWINS)
    for fault in found:
        yield "noren.E011", f"writes many rows otherwise than one: {fault}"


def bulk_errors(found: Iterable[Route]) -> list[checks.CheckMessage]:
    """The faults of these routes in how they write many rows, each once, as errors."""
    return _errors(found, _bulk_faults)


def permission_errors(found: Iterable[Route]) -> list[checks.CheckMessage]:
    """The faults of these routes in who may use them, each once, as system check errors."""
    return _errors(found, _faults)


def ordering_errors(found: Iterable[Route]) -> list[checks.CheckMessage]:
    """The faults of these routes in what they order by, each once, as system check errors."""
    return _errors(found, _ordering_faults)


def reading_messages(found: Iterable[Route]) -> list[checks.CheckMessage]:
    """The faults of these routes in how they read, and warnings of what is read slowly."""
    routed = list(found)
    return [*_errors(routed, _reading_faults), *_errors(routed, _slow_serializers, checks.Warning)]


def _errors(
    found: Iterable[Route],
    faults: Callable[[Route], Iterable[tuple[str, str]]],
    kind: type[checks.Error | checks.Warning] = checks.Error,
) -> list[checks.CheckMessage]:
    errors = {
        (route.view.__qualname__, code, fault): kind(
            f"{route.view.__module__}.{route.view.__qualname__} ({route.path}) {fault}.",
            obj=route.view,
            id=code,
        )
        for route in found
        for code, fault in faults(route)
    }
    return list(errors.values())


@checks.register("permissions")
def check_permissions(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """E006: an action without a right. E007: a view without permission classes."""
    return permission_errors(routes())


@checks.register("reading")
def check_reading(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """E009: a filter whose reads nobody states. W001: a serializer that is not compiled."""
    return reading_messages(routes())


@checks.register("bulk")
def check_bulk(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """E011: a service for one row, and none for many."""
    return bulk_errors(routes())


@checks.register("orderings")
def check_orderings(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """E008: an ordering by a column that may be null."""
    return ordering_errors(routes())

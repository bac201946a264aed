"""Every route is guarded, and every resource keeps the contract."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import URLPattern, get_resolver
from rest_framework.permissions import AllowAny

from noren_kit.accounts.permissions import ACTION_VERBS, SignedIn
from noren_kit.api.viewsets import ResourceViewSet, StrictViewMixin
from noren_kit.testing.contract import ContractBase, ResourceContract

TESTS = Path(__file__).parents[1]
# Asked before anyone can be signed in; the documents of the API itself.
OPEN_TO_ALL = {
    "token",
    "token-refresh",
    "token-verify",
    "jwks",
    "logout",
    "password-reset",
    "password-reset-confirm",
    "schema",
    "docs",
}
# Plain Django views: probes and pictures, which need no credential, and figures, which need the
# scraper's.
PLAIN = {"health", "health-live", "health-ready", "metrics", "media"}


def patterns(resolver: Any) -> Iterator[URLPattern]:
    for each in resolver.url_patterns:
        if isinstance(each, URLPattern):
            yield each
        else:
            yield from patterns(each)


PATTERNS = list(patterns(get_resolver()))
VIEWS = {each.name: each.callback.cls for each in PATTERNS if hasattr(each.callback, "cls")}
VIEWSETS = {view for view in VIEWS.values() if issubclass(view, ResourceViewSet)}
# By the path below the API's base, as contracts state it.
RESOURCES = {
    re.sub(r"<\w+:", "<", str(each.pattern)).strip("/"): each.callback.cls
    for each in PATTERNS
    if getattr(each.callback, "cls", None) in VIEWSETS and str(each.name).endswith("-list")
}


def contract_classes() -> list[type[ContractBase]]:
    """The contract's subclasses that pytest collects from the files of this suite."""
    found: list[type[ContractBase]] = []
    for file in sorted(TESTS.rglob("test_*.py")):
        if "kit" in file.relative_to(TESTS).parts or "testing.contract" not in file.read_text():
            continue
        if file == Path(__file__):
            continue
        spec = importlib.util.spec_from_file_location(f"_contracts_{file.stem}", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        found += [
            item
            for name, item in vars(module).items()
            if name.startswith("Test") and isinstance(item, type) and issubclass(item, ContractBase)
        ]
    return found


def test_plain_views_are_known() -> None:
    assert {each.name for each in PATTERNS if not hasattr(each.callback, "cls")} == PLAIN


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_every_view_states_who_may(name: str) -> None:
    view = VIEWS[name]
    allowed = view.permission_classes
    assert allowed
    if name in OPEN_TO_ALL:
        assert allowed == [AllowAny]
        return
    assert "permission_classes" in {key for each in view.__mro__[:-1] for key in vars(each)}
    assert any(issubclass(each, SignedIn) for each in allowed), allowed
    assert AllowAny not in allowed
    assert view.authentication_classes


@pytest.mark.parametrize("name", sorted(set(VIEWS) - {"schema", "docs"}))
def test_every_view_refuses_unknown_parameters(name: str) -> None:
    assert issubclass(VIEWS[name], StrictViewMixin)


@pytest.mark.parametrize("viewset", sorted(VIEWSETS, key=lambda view: view.__name__))
def test_every_extra_action_names_its_right(viewset: Any) -> None:
    extra = {name for action in viewset.get_extra_actions() for name in action.mapping.values()}
    assert extra - set(ACTION_VERBS) == set(viewset.action_rights)
    assert all(right.count(".") == 1 for right in viewset.action_rights.values())


def test_every_resource_has_its_contract() -> None:
    """The whole of it where all verbs are offered, else the parts that fit."""
    kept = {contract.path: contract for contract in contract_classes()}
    assert set(RESOURCES) == set(kept)
    assert set(RESOURCES) >= {"products", "suppliers", "orders", "customers"}
    assert "products/<product>/variants" in RESOURCES
    for path, view in RESOURCES.items():
        verbs = {"post", "put", "patch", "delete"} & set(view.http_method_names)
        if verbs == {"post", "put", "patch", "delete"}:
            assert issubclass(kept[path], ResourceContract), path


def test_a_resource_without_a_contract_is_noticed() -> None:
    """The list above is of routes, and not of what somebody remembered to register."""
    registered = {view.__name__ for view in RESOURCES.values()}
    stated = {
        view.__name__
        for view in ResourceViewSet.__subclasses__()
        if view.__module__.startswith(("noren.", "noren_kit."))
    }
    assert stated == registered

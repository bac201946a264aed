"""Which collections an answer is made from, read off the declarations that make it.

A cached answer holds as long as the revisions of all of them stay what they were, so none may be
missing here: what a serializer shows, what filters, orderings and row rules look at, and the
parent that the path names. What reads anything that has no revision is not cached.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from noren_kit.accounts.row_rules import RowRule
from noren_kit.api.filters import order_terms
from noren_kit.api.reading import Representation, plan_for
from noren_kit.api.registry import rules_of
from noren_kit.db.revisions import RevisedForAll, collection_of

Column = tuple[type[models.Model], str]


def collection_of_column(model: type[models.Model], column: str) -> str | None:
    """The collection whose revision rises when a column of some row changes; None for no one's."""
    apart: dict[str, str] = getattr(model, "counted_apart", {})
    if column in apart:
        return apart[column]
    for each in model._meta.constraints:
        if isinstance(each, RevisedForAll):
            primary = model._meta.pk
            fixed = primary is not None and column in ("pk", primary.name)
            return each.collection if fixed or column in each.columns else None
    return collection_of(model)


def columns_on(model: type[models.Model], path: str) -> set[Column]:
    """The columns that a look-up path (`customer__user`) goes over, those of links included.

    Raises Django's FieldDoesNotExist for a path that the model does not have.
    """
    found: set[Column] = set()
    for part in path.split("__"):
        if part == "pk":
            found.add((model, part))
            continue
        field: Any = model._meta.get_field(part)
        if field.concrete and not field.many_to_many:
            found.add((model, field.name))
        elif field.one_to_many:
            found.add((field.related_model, field.field.name))
        elif field.many_to_many and field.concrete:
            found.add((field.remote_field.through, field.m2m_field_name()))
        else:
            raise FieldDoesNotExist(f"{model.__name__}.{part} is not followed")
        if field.is_relation:
            model = field.related_model
            found.add((model, "pk"))
    return found


def _filtered(view: Any, names: Iterable[str]) -> set[Column]:
    model, filterset = view.resource_model(), view.filterset_class
    found: set[Column] = set()
    for name in names:
        filter_ = filterset.base_filters.get(name)
        if filter_ is None:
            continue
        paths = filterset.reads[name] if filter_.method is not None else [filter_.field_name]
        for path in paths:
            found |= columns_on(model, path)
    return found


def _ruled(model: type[models.Model], rules: Iterable[RowRule]) -> set[Column]:
    found = {(model, "pk")}
    for rule in rules:
        for path in rule.reads:
            found |= columns_on(model, path)
    return found


def binds_readers(rules: Iterable[RowRule]) -> bool:
    """Whether what is seen under these rules may depend on who is looking."""
    return any(type(rule).readable is not RowRule.readable for rule in rules)


def _ordered(view: Any, terms: Iterable[str]) -> set[Column]:
    found: set[Column] = set()
    for term in terms:
        name = term.removeprefix("-")
        for path in view.ordering_paths.get(name, (name,)):
            found |= columns_on(view.resource_model(), path)
    return found


def _searched(view: Any, names: Iterable[str]) -> set[Column]:
    paths = view.search_fields if "search" in names else ()
    return set().union(*(columns_on(view.resource_model(), path) for path in paths))


def _reading(view: Any, names: Iterable[str]) -> frozenset[str]:
    """Of parameters those that look at rows. Others say what they like, and are not remembered."""
    known = view.filterset_class.base_filters
    return frozenset(name for name in names if name == "search" or name in known)


def collections_of_list(
    view: Any, representation: Representation, given: Mapping[str, str]
) -> frozenset[str] | None:
    """What a list of `view` depends on, with these parameters; None where that has no revision.

    Raises `InvalidInput` for a choice that the representation does not offer, and for an ordering
    that the view does not.
    """
    terms = tuple(order_terms(view, given))
    return _of_list(view, representation, _reading(view, given), terms)


@lru_cache(maxsize=4096)
def _of_list(
    view: Any, representation: Representation, names: frozenset[str], terms: tuple[str, ...]
) -> frozenset[str] | None:
    shown = collections_of_detail(view, representation)
    if shown is None:
        return None
    chosen = _filtered(view, names) | _searched(view, names) | _ordered(view, terms)
    further = _named_collections(chosen)
    return None if further is None else shown | further


@lru_cache(maxsize=1024)
def collections_of_detail(view: Any, representation: Representation) -> frozenset[str] | None:
    """As `collections_of_list`, of a single row."""
    plan = plan_for(representation)
    if plan is None:
        return None
    columns = set(plan.reads) | _ruled(view.resource_model(), view.row_rules)
    if view.parent_field:
        parent = view.parent_model()
        columns |= _ruled(parent, rules_of(parent))
    return _named_collections(columns)


def collections_of_action(
    view: Any, shown: Representation, paths: tuple[str, ...], given: Mapping[str, str]
) -> frozenset[str] | None:
    """What an action of `view` depends on with these parameters.

    Paths from its model, what is shown of rows, and what filters and the search look at.
    """
    return _of_action(view, shown, paths, _reading(view, given))


@lru_cache(maxsize=256)
def _of_action(
    view: Any, shown: Representation, paths: tuple[str, ...], names: frozenset[str]
) -> frozenset[str] | None:
    model = view.resource_model()
    columns = _ruled(model, view.row_rules) | _filtered(view, names) | _searched(view, names)
    of_rows = getattr(getattr(shown.serializer_class, "Meta", None), "model", None) is model
    plan = plan_for(shown) if of_rows else None
    if of_rows and plan is None:
        return None
    columns |= plan.reads if plan else set()
    for path in paths:
        columns |= columns_on(model, path)
    return _named_collections(columns)


def _named_collections(columns: Iterable[Column]) -> frozenset[str] | None:
    found = {collection_of_column(model, column) for model, column in columns}
    return None if None in found else frozenset(each for each in found if each)

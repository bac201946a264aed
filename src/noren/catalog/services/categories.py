"""The category tree: no loops, and a tax rate for every node."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from noren.catalog.errors import ApprovalRequired
from noren.catalog.models import Category
from noren.catalog.queries import is_below, parents_of_categories
from noren.catalog.services.approval import require_approval_below
from noren.catalog.services.taxes import rate_followed, rates_today
from noren_kit.core import context
from noren_kit.core.errors import InvalidInput, RowFaults, faults_of
from noren_kit.db.locks import lock_in_tenant
from noren_kit.db.rows import update_rows

_TREE = "catalog.category.tree"


def _loop() -> InvalidInput:
    return InvalidInput.field("parent", "loop", _("A category can't be below itself."))


def _with_defaults(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a new category, with what it takes from its parent or the tenant."""
    parent = values.get("parent")
    found: dict[str, Any] = {
        "tax_rate": parent.tax_rate if parent else context.tenant().standard_tax_rate,
        "requires_approval": parent is not None and parent.requires_approval,
        **values,
    }
    if parent is not None and not {"tax_class", "tax_rate"} & values.keys():
        found["tax_class_id"] = parent.tax_class_id
    return found


def _class_in(values: Mapping[str, Any], category: Category | None = None) -> uuid.UUID | None:
    """The class of a category once it has these values."""
    if "tax_class" in values:
        return values["tax_class"].id if values["tax_class"] else None
    present = category.tax_class_id if category else None
    found: uuid.UUID | None = values.get("tax_class_id", present)
    return found


def save_category(*, category: Category | None = None, values: dict[str, Any]) -> Category:
    """Create or change a category, locked by the caller where it exists.

    A new one takes its class and rate from the parent, else its rate from the tenant, and from
    the parent whether it requires approval; below what does it is put by those who may approve
    (`ApprovalRequired`). Who writes what requires approval itself is a row rule
    (`ApprovalBound`). Raises `InvalidInput` where the new parent stands below the category
    itself, or the rate is not that of its class.
    """
    parent = values.get("parent")
    require_approval_below(parent)
    if category is None:
        completed = _with_defaults(values)
        followed = _class_in(completed)
        rate = rate_followed(values, followed, rates_today([followed]))
        created: Category = Category.objects.create(**{**completed, **rate})
        return created
    if parent is not None and parent.id != category.parent_id:
        # Two moves at once could each be right and together make a loop.
        lock_in_tenant(_TREE)
        if is_below(parent.id, category.id):
            raise _loop()
    followed = _class_in(values, category)
    rate = rate_followed(values, followed, rates_today([followed]))
    for name, value in {**values, **rate}.items():
        setattr(category, name, value)
    category.save()
    return category


def create_categories(*, rows: Sequence[dict[str, Any]]) -> list[Category]:
    """New categories as `save_category` makes one; raises `RowFaults`."""
    _require_approvals([values.get("parent") for values in rows])
    completed = [_with_defaults(values) for values in rows]
    rates = _rates_followed(rows, [_class_in(values) for values in completed])
    made: list[Category] = Category.objects.bulk_create(
        [Category(**{**values, **rate}) for values, rate in zip(completed, rates, strict=True)]
    )
    return made


def update_categories(*, changes: Sequence[tuple[Category, dict[str, Any]]]) -> list[Category]:
    """Change locked categories as `save_category` changes one; raises `RowFaults`.

    As many statements for a thousand as for one. Moves are judged together: of several that make
    a loop, each is at fault.
    """
    _require_approvals([values.get("parent") for _category, values in changes])
    moved = {
        category.id: values["parent"].id
        for category, values in changes
        if values.get("parent") is not None and values["parent"].id != category.parent_id
    }
    if moved:
        lock_in_tenant(_TREE)
        freed = {
            category.id: None
            for category, values in changes
            if "parent" in values and values["parent"] is None
        }
        parents = {**parents_of_categories(), **freed, **moved}
        faults = {
            at: faults_of(_loop())
            for at, (category, _values) in enumerate(changes)
            if category.id in moved and _is_in_loop(category.id, parents)
        }
        if faults:
            raise RowFaults(faults)
    rates = _rates_followed(
        [values for _category, values in changes],
        [_class_in(values, category) for category, values in changes],
    )
    written = set()
    for (category, values), rate in zip(changes, rates, strict=True):
        for name, value in {**values, **rate}.items():
            setattr(category, name, value)
            written.add(name)
    categories = [category for category, _values in changes]
    update_rows(categories, written)
    return categories


def _rates_followed(
    rows: Sequence[Mapping[str, Any]], class_ids: Sequence[uuid.UUID | None]
) -> list[dict[str, Decimal]]:
    rates, found = rates_today(class_ids), []
    faults = {}
    for at, (stated, class_id) in enumerate(zip(rows, class_ids, strict=True)):
        try:
            found.append(rate_followed(stated, class_id, rates))
        except InvalidInput as refused:
            faults[at] = faults_of(refused)
    if faults:
        raise RowFaults(faults)
    return found


def _require_approvals(parents: Sequence[Category | None]) -> None:
    faults = {}
    for at, parent in enumerate(parents):
        try:
            require_approval_below(parent)
        except ApprovalRequired as refused:
            faults[at] = faults_of(refused)
    if faults:
        raise RowFaults(faults)


def _is_in_loop(start: uuid.UUID, parents: dict[uuid.UUID, uuid.UUID | None]) -> bool:
    """Whether the way up from a node leads back to itself."""
    seen: set[uuid.UUID] = set()
    at = parents.get(start)
    while at is not None and at != start and at not in seen:
        seen.add(at)
        at = parents.get(at)
    return at == start

"""The category tree: no loops, and a tax rate for every node."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from noren.catalog.models import Category
from noren.catalog.queries import is_below
from noren.catalog.services.approval import require_approval_below
from noren.catalog.services.taxes import rate_today
from noren_kit.core import context
from noren_kit.core.errors import InvalidInput
from noren_kit.db.locks import lock_in_tenant


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
        default = parent.tax_rate if parent else context.tenant().standard_tax_rate
        bound = parent is not None and parent.requires_approval
        inherited = {"tax_class": parent.tax_class} if parent and "tax_rate" not in values else {}
        values = {"tax_rate": default, "requires_approval": bound, **inherited, **values}
        _follow_class(None, values)
        created: Category = Category.objects.create(**values)
        return created
    if parent is not None and parent.id != category.parent_id:
        # Two moves at once could each be right and together make a loop.
        lock_in_tenant("catalog.category.tree")
        if is_below(parent.id, category.id):
            raise InvalidInput.field("parent", "loop", _("A category can't be below itself."))
    _follow_class(category, values)
    for name, value in values.items():
        setattr(category, name, value)
    category.save()
    return category


def _follow_class(category: Category | None, values: dict[str, Any]) -> None:
    """Put the class's rate of the day into `values`; another one beside a class is refused."""
    given = values.get("tax_class", category.tax_class if category else None)
    if given is None:
        return
    stated = "tax_rate" in values and (category is not None or "tax_class" not in values)
    rate = rate_today(given)
    if stated and values["tax_rate"] != rate:
        message = _("The category's tax class says the rate.")
        raise InvalidInput.field("tax_rate", "follows_class", message)
    values["tax_rate"] = rate

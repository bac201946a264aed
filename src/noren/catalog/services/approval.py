"""Categories whose products only some may write."""

from __future__ import annotations

from noren.catalog.errors import ApprovalRequired
from noren.catalog.models import Category
from noren_kit.accounts.permissions import may
from noren_kit.core import context

APPROVE = "catalog.manage_approval"


def require_approval(*categories: Category | None) -> None:
    """Raises `ApprovalRequired` unless the caller may write in all these categories."""
    bound = any(category is not None and category.requires_approval for category in categories)
    if bound and context.actor() is not None and not may(APPROVE):
        raise ApprovalRequired

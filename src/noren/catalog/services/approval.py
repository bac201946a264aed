"""Categories that only some may write, and whose products only they may write."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet

from noren.catalog.errors import ApprovalRequired
from noren.catalog.models import Category
from noren_kit.accounts.rights import may
from noren_kit.accounts.row_rules import RowRule
from noren_kit.core import context
from noren_kit.core.errors import AppError

APPROVE = "catalog.manage_approval"


class ApprovalBound(RowRule):
    """What requires approval is seen by all who may view, and written by those who may approve.

    `path` leads from the row to what says so: `ApprovalBound("category__requires_approval")`.
    """

    error: ClassVar[type[AppError]] = ApprovalRequired

    def __init__(self, path: str) -> None:
        self.path = path

    def writable(self, queryset: QuerySet[Any], right: str) -> QuerySet[Any] | None:
        return None if may(APPROVE) else queryset.filter(**{self.path: False})


def require_approval_below(parent: Category | None) -> None:
    """Raises `ApprovalRequired` unless the caller may put a category below this one."""
    bound = parent is not None and parent.requires_approval
    if bound and context.actor() is not None and not may(APPROVE):
        raise ApprovalRequired

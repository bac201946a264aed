"""`/api/v1/audit/`: every change of the tenant's rows, for managers and owners."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from noren_kit.accounts.rights import may, right_for
from noren_kit.accounts.row_rules import reads_all
from noren_kit.api.changes import ChangeSerializer, HistoryFilterSet
from noren_kit.api.filters import ChoiceFilter, FilterBackend, IdFilter
from noren_kit.api.pagination import ResourcePagination
from noren_kit.api.registry import known_rights, rules_of
from noren_kit.api.viewsets import ResourceViewSet
from noren_kit.audit.changes import recorded_models
from noren_kit.audit.models import Change
from noren_kit.core import context


class ChangeFilterSet(HistoryFilterSet):
    """Which changes of the tenant."""

    resource = ChoiceFilter(choices=[(each, each) for each in sorted(recorded_models())])
    row_id = IdFilter()


class ChangeViewSet(ResourceViewSet):
    """Changes by whatever way of writing, newest first; nobody can change or remove them."""

    serializer_class = ChangeSerializer
    filterset_class = ChangeFilterSet
    filter_backends = [FilterBackend]
    ordering = ("-id",)
    http_method_names = ["get", "head"]

    @classmethod
    def orderings(cls) -> list[str]:
        return []

    def known_parameters(self) -> set[str]:
        if self.action == "list":
            known = {*ResourcePagination.parameters, *ChangeFilterSet.base_filters}
            return known | {"fields", "omit"}
        return super().known_parameters()

    def get_queryset(self) -> QuerySet[Any]:
        if context.tenant_or_none() is None:
            return QuerySet(Change).none()
        hidden = _hidden_resources()
        changes: QuerySet[Any] = Change.objects.order_by("-id")
        if hidden:
            changes = changes.exclude(resource__in=hidden)
        return changes


def _hidden_resources() -> list[str]:
    """What the caller may not view, or not all rows of, elsewhere either."""
    known, hidden = known_rights(), []
    for resource, model in recorded_models().items():
        right = right_for(model._meta.app_label, "view", str(model._meta.model_name))
        whole = reads_all(rules_of(model), model)
        if not whole or (right in known and not may(right)):
            hidden.append(resource)
    return hidden

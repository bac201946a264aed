"""`{id}/history/` and `?as_of=` of every resource whose table has a history."""

from __future__ import annotations

import datetime as dt
import uuid
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from noren_kit.accounts.permissions import model_of
from noren_kit.accounts.rights import may, right_for
from noren_kit.accounts.row_rules import reads_all
from noren_kit.api.changes import HistoryFilterSet, HistorySerializer
from noren_kit.api.filters import FilterBackend, InstantField
from noren_kit.api.pagination import ResourcePagination
from noren_kit.api.parameters import AS_OF
from noren_kit.api.reading import NotCompilable, Representation, read_as_of, read_rows
from noren_kit.api.showing import ShownRows
from noren_kit.audit.changes import resource_of
from noren_kit.audit.models import Change
from noren_kit.core.errors import InvalidInput

HISTORY_PARAMETERS = frozenset({*ResourcePagination.parameters, *HistoryFilterSet.base_filters})


class RowHistory:
    """What was written of a row, and the row as it was, for whoever may view it now.

    Of rows in the bin, and of those that are gone for good, for whoever may delete such rows.
    """

    @classmethod
    def has_history(cls) -> bool:
        """Whether the rows' table keeps one."""
        model = model_of(cls)
        return model is not None and resource_of(model) is not None

    @classmethod
    def get_extra_actions(cls) -> list[Any]:
        found: list[Any] = super().get_extra_actions()  # type: ignore[misc]
        return [each for each in found if each.__name__ != "history" or cls.has_history()]

    @extend_schema(responses=HistorySerializer(many=True))
    @action(
        detail=True,
        methods=["get"],
        filterset_class=HistoryFilterSet,
        filter_backends=[FilterBackend],
    )
    def history(self: Any, request: Request, **kwargs: Any) -> Response:
        """Every change of the row, newest first.

        An update has the members that changed, an insert and a delete all that had a value.
        """
        pk = self.path_id()
        changes = Change.objects.filter(resource=resource_of(self.resource_model()), row_id=pk)
        if not self._is_there(pk) and not (self._sees_what_is_gone() and changes.exists()):
            raise Http404
        found = FilterBackend().filter_queryset(request, changes.order_by("-id"), self)
        read = partial(read_rows, representation=Representation(HistorySerializer))
        return Response(self.paginator.page(found, request, read))

    def as_of(self: Any, pk: uuid.UUID, representation: Representation, text: str) -> Any:
        """What was shown of the row at that time; 404 where it was not there, or in the bin."""
        moment = _moment(text)
        if not self._is_there(pk):
            raise Http404
        try:
            found = read_as_of(representation, pk, moment)
        except NotCompilable:
            message = _("There is nothing here whose past is known.")
            raise InvalidInput.field(AS_OF, "unavailable", message) from None
        if found is None:
            raise Http404
        return found

    def _is_there(self: Any, pk: uuid.UUID) -> bool:
        """Whether the row is live, or in the bin and the caller may look into that."""
        if self._judges_objects():
            row = self.get_queryset().filter(pk=pk).first()
            if row is not None:
                self.check_object_permissions(self.request, row)
                return True
        elif self.get_queryset().filter(pk=pk).exists():
            return True
        if not self._sees_bin():
            return False
        every: QuerySet[Any] = self.resource_model()._base_manager.all()
        return bool(self.constrained(self.below_parent(every)).filter(pk=pk).exists())

    def _sees_bin(self: Any) -> bool:
        meta = self.resource_model()._meta
        plain = type(self).get_queryset is ShownRows.get_queryset
        return plain and may(right_for(meta.app_label, "delete", meta.model_name))

    def _sees_what_is_gone(self: Any) -> bool:
        """Where no row is left that rules or a parent could judge, they must ask for nothing."""
        whole = reads_all(self.row_rules, self.resource_model(), self.right())
        return self._sees_bin() and whole and not self.parent_field


def _moment(text: str) -> dt.datetime:
    try:
        moment: dt.datetime = InstantField().clean(text)
    except ValidationError as error:
        raise InvalidInput.field(AS_OF, "invalid", error.messages[0]) from None
    return moment

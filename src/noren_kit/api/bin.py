"""The bin of a resource: what was deleted is listed and shown, and comes back."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from noren_kit.accounts.permissions import least_right_of, model_of
from noren_kit.accounts.rights import may
from noren_kit.api.parameters import flag
from noren_kit.core.errors import Forbidden
from noren_kit.softdelete.restoring import restore
from noren_kit.tenancy.models import TenantModel

DELETED = "deleted"
_SHOWN_BY = ("list", "retrieve")


class BinnedRows:
    """`?deleted=true` on lists and details, and `POST {id}/restore/`, for those who may restore.

    What is deleted for good states why in `not_restored`, and has neither. A bin is never
    searched, for deleted rows leave the index, and never cached.
    """

    #: Why what was deleted does not come back; empty where it does.
    not_restored: ClassVar[str] = ""

    # Whether the rows of the present action are the deleted ones.
    in_bin: bool = False

    @classmethod
    def has_bin(cls) -> bool:
        """Whether rows are deleted and may come back."""
        model = model_of(cls)
        if model is None or cls.not_restored or "delete" not in cls.http_method_names:  # type: ignore[attr-defined]
            return False
        return issubclass(model, TenantModel)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        action = getattr(self, "action", None)
        shown = action in _SHOWN_BY and self.has_bin()
        asked = shown and request.query_params.get(DELETED) == "true"
        self.in_bin = asked or action == "restore"
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        if shown:
            flag(request, DELETED)

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)  # type: ignore[misc]
        if self.in_bin and not may(least_right_of(self, "restore") or ""):
            raise Forbidden

    def rows_at_hand(self) -> QuerySet[Any]:
        """The live rows, or those in the bin where the action is about these."""
        model: Any = self.resource_model()  # type: ignore[attr-defined]
        if self.in_bin:
            deleted: QuerySet[Any] = model.every.filter(deleted_at__isnull=False)
            return deleted
        rows: QuerySet[Any] = model._default_manager.all()
        return rows

    def restore(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Bring back what was deleted.

        With it comes what went into the bin along with it. 409 where something has taken its
        unique values meanwhile (`duplicate`), or what it refers to is deleted itself
        (`refers_to_deleted`).
        """
        row = self.get_object()  # type: ignore[attr-defined]
        self.perform_restore(row)
        self.in_bin = False
        answer: Response = self.respond(row.pk)  # type: ignore[attr-defined]
        return answer

    def perform_restore(self, row: Any) -> None:
        restore(row)

"""Resources under another one: the parent is taken from the path, and from nowhere else."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import Http404
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from noren_kit.accounts.row_rules import readable
from noren_kit.api.fields import hold_readable
from noren_kit.api.parameters import parse_id
from noren_kit.api.registry import rules_of
from noren_kit.tenancy.models import TenantModel


class NestedRows:
    """Keeps a viewset to the rows below the parent that the path names.

    `parent_field` is the model's foreign key to it, and the placeholder of the route:
    `router.resource("products/<product>/variants", VariantViewSet)`. A parent that is unknown,
    another tenant's, deleted, or kept from the caller by its own resource's row rules is 404,
    for the same work: one statement. While something is written the parent is held, so that
    nobody deletes it meanwhile.
    """

    parent_field: ClassVar[str] = ""

    @classmethod
    def parent_model(cls) -> type[TenantModel]:
        field: Any = cls.resource_model()._meta.get_field(cls.parent_field)  # type: ignore[attr-defined]
        model: type[TenantModel] = field.related_model
        return model

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        self.parent: TenantModel | None = None
        if self.parent_field and getattr(self, "action", None):
            self._find_parent(kwargs[self.parent_field], held=request.method not in SAFE_METHODS)

    def _find_parent(self, text: str, *, held: bool) -> None:
        identifier, model = parse_id(text), self.parent_model()
        if identifier is None:
            raise Http404
        if held:
            self.parent = hold_readable(model, identifier)
        else:
            rows = readable(rules_of(model), model._default_manager.all())
            found = rows.filter(pk=identifier)
            self.parent = found.first()
            draft = getattr(self, "draft", None)
            if draft is not None:
                draft.note_parent(found)
        if self.parent is None:
            raise Http404

    def below_parent(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """`queryset` as far as it belongs to the path's parent."""
        if not self.parent_field:
            return queryset
        return queryset.filter(**{self.parent_field: self.parent})

    def values_of_path(self) -> dict[str, Any]:
        """What a new row takes from its path."""
        return {self.parent_field: self.parent} if self.parent_field else {}

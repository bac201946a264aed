"""Permission classes that compose; what nobody mapped is refused."""

from __future__ import annotations

from typing import Any

from django.db import models
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from noren_kit.accounts.authentication import Caller
from noren_kit.accounts.rights import holds
from noren_kit.core import context

ACTION_VERBS = {
    "list": "view",
    "retrieve": "view",
    "create": "add",
    "update": "change",
    "partial_update": "change",
    "destroy": "delete",
}


def may(right: str) -> bool:
    """Whether the acting caller holds a right in the entered tenant."""
    actor = context.actor()
    if actor is None:
        return False
    return actor.is_superuser or holds(actor.roles, actor.permissions, right)


def right_for(model: type[models.Model], verb: str) -> str:
    return f"{model._meta.app_label}.{verb}_{model._meta.model_name}"


class SignedIn(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.user, Caller)


class TenantMember(SignedIn):
    """Signed in and inside a tenant."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return super().has_permission(request, view) and context.tenant_or_none() is not None


class ResourcePermission(TenantMember):
    """The right to the view's model by action; extra actions name theirs in `action_rights`.

    A view states `resource_model()` and may state `action_rights: dict[action, right]`.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not super().has_permission(request, view):
            return False
        if view.action is None or str(request.method).lower() not in view.http_method_names:
            # The method is not offered: DRF answers 405 after this check.
            return True
        right = self.right(view)
        return right is not None and may(right)

    @staticmethod
    def right(view: Any) -> str | None:
        stated: dict[str, str] = getattr(view, "action_rights", {})
        if view.action in stated:
            return stated[view.action]
        verb = ACTION_VERBS.get(view.action)
        return right_for(view.resource_model(), verb) if verb else None


class OwnerOrReadOnly(BasePermission):
    """Anyone who may read, reads; only the one who created an object changes it."""

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        return request.method in ("GET", "HEAD") or obj.created_by_id == context.actor_id()

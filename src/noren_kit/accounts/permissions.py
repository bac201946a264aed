"""Permission classes that compose (`&`, `|`, `~`); what nobody mapped is refused."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import models
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from noren_kit.accounts.authentication import Caller
from noren_kit.accounts.rights import has_role, may, right_for
from noren_kit.core import context

ACTION_VERBS = {
    "list": "view",
    "retrieve": "view",
    "history": "view",
    "create": "add",
    "update": "change",
    "partial_update": "change",
    "destroy": "delete",
    "restore": "restore",
    "bulk_create": "add",
    "bulk_update": "change",
    "bulk_destroy": "delete",
}


class SignedIn(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.user, Caller)


class PlatformStaff(SignedIn):
    """Signed in as a superuser of the platform, inside a tenant or none; never by a key."""

    def has_permission(self, request: Request, view: Any) -> bool:
        actor = context.actor()
        return super().has_permission(request, view) and actor is not None and actor.is_superuser


class TenantMember(SignedIn):
    """Signed in and inside a tenant."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return super().has_permission(request, view) and context.tenant_or_none() is not None


def model_of(view: Any) -> type[models.Model] | None:
    """The model whose rows a view (class or instance) shows, None where it states none."""
    if not hasattr(view, "resource_model"):
        return None
    try:
        model: type[models.Model] = view.resource_model()
    except ImproperlyConfigured:  # It states none: a system check names it.
        return None
    return model


def right_of(view: Any, action: str) -> str | None:
    """The right that an action of a view (class or instance) asks for; None: nobody has it."""
    stated: dict[str, str] = getattr(view, "action_rights", {})
    if action in stated:
        return stated[action]
    verb, model = ACTION_VERBS.get(action), model_of(view)
    if verb is None or model is None:
        return None
    return right_for(model._meta.app_label, verb, str(model._meta.model_name))


def least_right_of(view: Any, action: str) -> str | None:
    """The narrowest right that opens an action: where rows have owners, that over one's own."""
    right = right_of(view, action)
    model = model_of(view) if right is not None else None
    if right is not None and model is not None:
        for rule in getattr(view, "row_rules", ()):
            right = rule.least(right, model)
    return right


def bulk_right_of(view: Any, action: str) -> str | None:
    """The right that an action of many rows asks for beside its own; None for other actions."""
    model = model_of(view) if action in getattr(view, "bulk_actions", ()) else None
    if model is None:
        return None
    return right_for(model._meta.app_label, "bulk", str(model._meta.model_name))


class ResourcePermission(TenantMember):
    """The right to the view's model by action; extra actions name theirs in `action_rights`.

    A view states `resource_model()` and may state `action_rights: dict[action, right]`. A view
    without actions is refused: it states permission classes of its own.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not super().has_permission(request, view) or not hasattr(view, "action"):
            return False
        if view.action is None or str(request.method).lower() not in view.http_method_names:
            # The method is not offered: DRF answers 405 after this check.
            return True
        right, bulk = least_right_of(view, view.action), bulk_right_of(view, view.action)
        return right is not None and may(right) and (bulk is None or may(bulk))


@cache
def HasRole(role: str) -> type[TenantMember]:  # noqa: N802  stands where classes stand
    """The permission class for holders of a role of the entered tenant, by its slug.

    `permission_classes = [HasRole("manager")]`. The built-in roles are a ladder: an owner is a
    manager too. A tenant's own role is passed by its holders alone. Platform superusers pass,
    API keys never do.
    """

    class RoleHolder(TenantMember):
        def has_permission(self, request: Request, view: Any) -> bool:
            actor = context.actor()
            member = super().has_permission(request, view)
            return member and actor is not None and has_role(actor, role)

    RoleHolder.__name__ = RoleHolder.__qualname__ = f'HasRole("{role}")'
    return RoleHolder


class OwnerOrReadOnly(BasePermission):
    """Whoever may see an object sees it; only the one who created it changes it.

    To make something one must be signed in, for it would belong to nobody.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.method in SAFE_METHODS or isinstance(request.user, Caller)

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        if request.method in SAFE_METHODS:
            return True
        actor = context.actor_id()
        return actor is not None and getattr(obj, "created_by_id", None) == actor

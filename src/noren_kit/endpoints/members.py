"""`/api/v1/members/`: who belongs to the tenant, in which roles, and who is invited."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from noren_kit.accounts.granting import lock_grants
from noren_kit.accounts.members import change_roles, invite, remove_member
from noren_kit.accounts.models import Membership, MembershipRole
from noren_kit.api.fields import ComputedField, EmailField, SlugsField, TextField
from noren_kit.api.filters import ChoiceFilter, ResourceFilterSet
from noren_kit.api.registry import known_rights
from noren_kit.api.serializers import ResourceSerializer
from noren_kit.api.viewsets import ResourceViewSet
from noren_kit.endpoints.rights_fields import RoleSlugsField

STATUSES = ACTIVE, INVITED = "active", "invited"
_SLUG = r"^[-a-zA-Z0-9_]{1,50}$"


class MemberPersonSerializer(serializers.Serializer):
    """Of an invitation, what the tenant wrote itself; id and user name come with acceptance."""

    id = serializers.UUIDField(allow_null=True)
    username = serializers.CharField(allow_null=True)
    name = serializers.CharField()
    email = serializers.CharField()


def member_person(
    accepted_at: dt.datetime | None,
    invited_name: str,
    invited_email: str,
    *person: Any,
) -> dict[str, Any]:
    """What the tenant sees of a member, or of somebody who is only invited."""
    if accepted_at is None:
        return {"id": None, "username": None, "name": invited_name, "email": invited_email}
    identifier, username, name, email = person
    return {"id": identifier, "username": username, "name": name or username, "email": email}


def member_status(accepted_at: dt.datetime | None) -> str:
    return INVITED if accepted_at is None else ACTIVE


class MemberSerializer(ResourceSerializer):
    user = ComputedField(
        member_person,
        reads=[
            "accepted_at",
            "invited_name",
            "invited_email",
            "user.id",
            "user.username",
            "user.name",
            "user.email",
        ],
        shown_as=MemberPersonSerializer(),
    )
    roles: Any = SlugsField("role__slug", source="held", many=True, read_only=True)
    status = ComputedField(
        member_status, reads=["accepted_at"], shown_as=serializers.ChoiceField(choices=STATUSES)
    )

    class Meta:
        model = Membership
        fields = ["user", "roles", "status", "accepted_at"]


class InvitationSerializer(ResourceSerializer):
    email = EmailField(max_length=254)
    name = TextField(max_length=200, required=False)
    roles = RoleSlugsField()

    class Meta:
        model = Membership
        fields = ["email", "name", "roles"]

    def create(self, validated_data: dict[str, Any]) -> Membership:
        return invite(
            email=validated_data["email"],
            name=validated_data.get("name", ""),
            roles=validated_data["roles"],
            known=known_rights(),
        )


class MemberRolesSerializer(ResourceSerializer):
    roles = RoleSlugsField()

    class Meta:
        model = Membership
        fields = ["roles"]

    def update(self, instance: Membership, validated_data: dict[str, Any]) -> Membership:
        if "roles" not in validated_data:
            return instance
        return change_roles(
            membership=instance, roles=validated_data["roles"], known=known_rights()
        )


class SlugFormField(forms.CharField):
    """A slug, exactly as it was given."""

    default_error_messages = {"invalid": _("Give letters, digits, hyphens and underscores.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strip=False, **kwargs)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if text and not re.fullmatch(_SLUG, text):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return text


class SlugFilter(django_filters.Filter):
    field_class = SlugFormField
    schema = {"type": "string", "pattern": _SLUG}


class MemberFilterSet(ResourceFilterSet):
    status = ChoiceFilter(choices=[(name, name) for name in STATUSES], method="by_status")
    role = SlugFilter(method="by_role")
    reads = {"status": ["accepted_at"], "role": ["held__role__slug"]}

    def by_status(self, queryset: QuerySet[Any], name: str, value: str) -> Any:
        return queryset.filter(accepted_at__isnull=value == INVITED)

    def by_role(self, queryset: QuerySet[Any], name: str, value: str) -> Any:
        holding = MembershipRole.objects.filter(role__slug=value, role__deleted_at=None)
        return queryset.filter(id__in=holding.values("membership_id"))


class MemberViewSet(ResourceViewSet):
    """People of the tenant and their roles; an invitation opens nothing until it is accepted."""

    serializer_class = MemberSerializer
    write_serializer_class = InvitationSerializer
    update_serializer_class = MemberRolesSerializer
    filterset_class = MemberFilterSet
    http_method_names = ["get", "post", "patch", "delete", "head"]
    not_bulk = "each is an invitation with its mail, or grants rights under the lock of grants"
    not_restored = "who was removed is invited again, and accepts again"

    def lock(self) -> Any:
        lock_grants()
        return super().lock()

    def destroy(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        self.lock()
        return super().destroy(request, *args, **kwargs)

    def perform_destroy(self, row: Any) -> None:
        remove_member(membership=row, known=known_rights())

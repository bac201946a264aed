"""`/api/v1/roles/`: the built-in roles and the tenant's own."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from noren_kit.accounts.granting import lock_grants
from noren_kit.accounts.models import Role
from noren_kit.accounts.rights import BUILT_IN_ROLES
from noren_kit.accounts.roles import change_role, create_role, delete_role
from noren_kit.api.fields import ComputedField, SlugField
from noren_kit.api.filters import BooleanFilter, ResourceFilterSet
from noren_kit.api.registry import known_rights, role_rights
from noren_kit.api.serializers import ResourceSerializer
from noren_kit.api.viewsets import ResourceViewSet
from noren_kit.endpoints.rights_fields import RightsField


def shown_rights(slug: str, permissions: list[str]) -> list[str]:
    """A built-in role's rights, or those that a tenant's own lists."""
    return sorted(role_rights(slug) if slug in BUILT_IN_ROLES else permissions)


class RoleSerializer(ResourceSerializer):
    permissions = ComputedField(
        shown_rights,
        reads=["slug", "permissions"],
        shown_as=serializers.ListField(child=serializers.CharField()),
    )
    built_in = ComputedField(
        BUILT_IN_ROLES.__contains__, reads=["slug"], shown_as=serializers.BooleanField()
    )

    class Meta:
        model = Role
        fields = ["slug", "name", "permissions", "built_in"]


class RoleWriteSerializer(ResourceSerializer):
    permissions = RightsField()

    class Meta:
        model = Role
        fields = ["slug", "name", "permissions"]

    def create(self, validated_data: dict[str, Any]) -> Role:
        return create_role(**validated_data)

    def update(self, instance: Role, validated_data: dict[str, Any]) -> Role:
        return change_role(role=instance, values=validated_data, known=known_rights())


class RoleChangeSerializer(RoleWriteSerializer):
    """A slug stays what it is: it stands in tokens and logs."""

    slug = SlugField(read_only=True)


class RoleFilterSet(ResourceFilterSet):
    built_in = BooleanFilter(method="by_origin")
    reads = {"built_in": ["slug"]}

    def by_origin(self, queryset: QuerySet[Any], name: str, value: bool) -> Any:
        slugs = list(BUILT_IN_ROLES)
        return queryset.filter(slug__in=slugs) if value else queryset.exclude(slug__in=slugs)


class RoleViewSet(ResourceViewSet):
    """Named sets of rights; the four built-in ones are the same in every tenant."""

    serializer_class = RoleSerializer
    write_serializer_class = RoleWriteSerializer
    update_serializer_class = RoleChangeSerializer
    filterset_class = RoleFilterSet
    search_fields = ["name", "slug"]
    ordering_fields = ["slug", "name"]
    http_method_names = ["get", "post", "patch", "delete", "head"]
    not_bulk = "each grants rights, is judged under the tenant's lock of grants, and is logged"
    not_restored = "rights that were taken away do not come back by the way"

    def lock(self) -> Any:
        lock_grants()
        return super().lock()

    def destroy(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        self.lock()
        return super().destroy(request, *args, **kwargs)

    def perform_destroy(self, row: Any) -> None:
        delete_role(role=row, known=known_rights())

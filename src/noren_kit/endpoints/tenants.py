"""`/api/v1/tenants/` for the platform's people, and `/api/v1/settings/` of the entered tenant."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from noren_kit.accounts.permissions import PlatformStaff, TenantMember
from noren_kit.accounts.rights import may
from noren_kit.accounts.tenants import FirstOwner, change_tenant, open_tenant, set_status
from noren_kit.api.fields import EmailField, QuantityField, SlugField, TextField
from noren_kit.api.filters import ChoiceFilter, ResourceFilterSet
from noren_kit.api.serializers import ResourceSerializer, StrictSerializer
from noren_kit.api.viewsets import ResourceViewSet, StrictViewMixin
from noren_kit.core import context
from noren_kit.tenancy.models import Tenant

MAX_REQUESTS_PER_HOUR = 10_000_000
_SLUG = RegexValidator(
    r"^[a-z0-9](-?[a-z0-9])*\Z", _("Give lower-case letters and digits with hyphens between.")
)
_SETTINGS = [
    "name",
    "standard_tax_rate",
    "tax_rounding",
    "prices_include_tax",
    "locale",
    "time_zone",
    "require_if_match",
]


class TenantSerializer(ResourceSerializer):
    class Meta:
        model = Tenant
        fields = [
            "slug",
            "status",
            "currency",
            *_SETTINGS,
            "requests_per_hour",
            "created_at",
            "updated_at",
        ]


class OwnerSerializer(StrictSerializer):
    """Whom to invite as the first owner."""

    email = EmailField(max_length=254)
    name = TextField(max_length=200, required=False)


class TenantWriteSerializer(ResourceSerializer):
    slug = SlugField(max_length=63, validators=[_SLUG])
    requests_per_hour = QuantityField(
        min_value=1, max_value=MAX_REQUESTS_PER_HOUR, allow_null=True, required=False
    )
    owner = OwnerSerializer(required=False)

    class Meta:
        model = Tenant
        fields = ["slug", "currency", *_SETTINGS, "requests_per_hour", "owner"]

    def create(self, validated_data: dict[str, Any]) -> Tenant:
        owner = validated_data.pop("owner", None)
        return open_tenant(values=validated_data, owner=FirstOwner(**owner) if owner else None)


class _ChangingSerializer(ResourceSerializer):
    def update(self, instance: Tenant, validated_data: dict[str, Any]) -> Tenant:
        change_tenant(tenant_id=instance.id, values=validated_data)
        return instance


class TenantChangeSerializer(_ChangingSerializer):
    """Amounts are stored in the currency, and the slug is known elsewhere: both stay."""

    requests_per_hour = QuantityField(
        min_value=1, max_value=MAX_REQUESTS_PER_HOUR, allow_null=True, required=False
    )

    class Meta:
        model = Tenant
        fields = [*_SETTINGS, "requests_per_hour", "slug", "currency", "status"]
        read_only_fields = ["slug", "currency", "status"]


class SettingsSerializer(_ChangingSerializer):
    """The entered tenant's settings; the plan's are the platform's to change."""

    class Meta(TenantSerializer.Meta):
        read_only_fields = ["slug", "currency", "status", "requests_per_hour"]


class TenantFilterSet(ResourceFilterSet):
    status = ChoiceFilter(choices=Tenant.Status.choices)


class TenantViewSet(ResourceViewSet):
    """Tenants, for the platform's superusers alone, who need not be inside of one."""

    permission_classes = [PlatformStaff]
    serializer_class = TenantSerializer
    write_serializer_class = TenantWriteSerializer
    update_serializer_class = TenantChangeSerializer
    filterset_class = TenantFilterSet
    search_fields = ["name", "slug"]
    ordering_fields = ["name", "slug"]
    action_rights = {"suspend": "tenancy.change_tenant", "resume": "tenancy.change_tenant"}
    bodiless_actions = ("suspend", "resume")
    http_method_names = ["get", "post", "patch", "head"]

    def get_queryset(self) -> QuerySet[Any]:
        return Tenant.objects.all()

    def lock(self) -> Any:
        """Unlocked: rows of this table are locked and written on the platform's connection."""
        return self.get_object()

    @extend_schema(request=None, responses=TenantSerializer)
    @action(detail=True, methods=["post"])
    def suspend(self, request: Request, pk: str) -> Response:
        """Close the tenant from the next request on, to people and keys; its data stays."""
        return self._set(Tenant.Status.SUSPENDED)

    @extend_schema(request=None, responses=TenantSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Open a suspended tenant again."""
        return self._set(Tenant.Status.ACTIVE)

    def _set(self, status: Tenant.Status) -> Response:
        tenant = self.get_object()
        set_status(tenant_id=tenant.id, status=status)
        return self.respond(tenant.id)


class SettingsPermission(TenantMember):
    """Every member reads, within a key's scopes; who may change the tenant, changes."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not super().has_permission(request, view):
            return False
        if request.method == "PATCH":
            return may("tenancy.change_tenant")
        actor = context.actor()
        return actor is not None and (not actor.is_key or may("tenancy.view_tenant"))


class SettingsView(StrictViewMixin, APIView):
    """The entered tenant's settings."""

    offers_retries = True
    permission_classes = [SettingsPermission]
    further_rights = frozenset({"tenancy.view_tenant", "tenancy.change_tenant"})

    @staticmethod
    def _read() -> Tenant:
        return Tenant.objects.get(id=context.tenant_id())

    @extend_schema(responses=SettingsSerializer, operation_id="settings_retrieve")
    def get(self, request: Request) -> Response:
        """Show the tenant's settings."""
        return Response(SettingsSerializer(self._read()).data)

    @extend_schema(
        request=SettingsSerializer,
        responses=SettingsSerializer,
        operation_id="settings_partial_update",
    )
    def patch(self, request: Request) -> Response:
        """Change the tenant's settings.

        Fields that are left out keep their values. Currency, slug, status and limits are the
        platform's to set.
        """
        serializer = SettingsSerializer(self._read(), data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(SettingsSerializer(self._read()).data)

"""`/api/v1/api-keys/`: programs' credentials; a secret is shown once, by the call that made it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from noren_kit.accounts.api_keys import Secret
from noren_kit.accounts.granting import lock_grants
from noren_kit.accounts.key_issuing import change_key, issue_key, revoke_key, rotate_key
from noren_kit.accounts.models import ApiKey
from noren_kit.api.fields import QuantityField
from noren_kit.api.serializers import ResourceSerializer, StrictSerializer
from noren_kit.api.viewsets import ResourceViewSet
from noren_kit.endpoints.rights_fields import MAX_NETWORKS, NetworkField, RightsField

DEFAULT_OVERLAP, LONGEST_OVERLAP = 24 * 3600, 7 * 24 * 3600


class ApiKeySerializer(ResourceSerializer):
    """A key without its secret, which nobody keeps."""

    scopes: Any = serializers.ListField(child=serializers.CharField(), read_only=True)
    networks: Any = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = ApiKey
        fields = [
            "name",
            "prefix",
            "scopes",
            "networks",
            "expires_at",
            "previous_expires_at",
            "last_used_at",
        ]


class ApiKeySecretSerializer(ApiKeySerializer):
    """A key with its secret, this once."""

    secret = serializers.CharField(read_only=True)

    class Meta(ApiKeySerializer.Meta):
        fields = [*ApiKeySerializer.Meta.fields, "secret"]


class ApiKeyWriteSerializer(ResourceSerializer):
    scopes = RightsField(allow_empty=False)
    networks = serializers.ListField(
        child=NetworkField(),
        max_length=MAX_NETWORKS,
        required=False,
        help_text="None stand for everywhere.",
    )

    class Meta:
        model = ApiKey
        fields = ["name", "scopes", "networks", "expires_at"]

    def validate_expires_at(self, value: dt.datetime | None) -> dt.datetime | None:
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError(_("Give a time in the future."), code="past")
        return value

    def validate_networks(self, value: list[str]) -> list[str]:
        return list(dict.fromkeys(value))

    def update(self, instance: ApiKey, validated_data: dict[str, Any]) -> ApiKey:
        return change_key(key=instance, values=validated_data)


class RotateSerializer(StrictSerializer):
    overlap_seconds = QuantityField(
        min_value=0,
        max_value=LONGEST_OVERLAP,
        default=DEFAULT_OVERLAP,
        help_text="How long the secret before it still opens.",
    )


class ApiKeyViewSet(ResourceViewSet):
    """A key acts for the member who made it, within its scopes and what that member may now."""

    serializer_class = ApiKeySerializer
    write_serializer_class = ApiKeyWriteSerializer
    search_fields = ["name", "prefix"]
    ordering_fields = ["name"]
    action_rights = {"rotate": "accounts.change_apikey"}
    http_method_names = ["get", "post", "patch", "delete", "head"]
    not_bulk = "each answer shows a secret once, and each grant is judged under a lock"
    not_restored = "a revoked key opens nothing ever again"

    def lock(self) -> Any:
        lock_grants()
        return super().lock()

    @extend_schema(responses={201: ApiKeySecretSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        key, secret = issue_key(values=serializer.validated_data)
        return self._with_secret(self.respond(key.pk, status=201), secret)

    @extend_schema(request=RotateSerializer, responses=ApiKeySecretSerializer)
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: str) -> Response:
        """Give the key a new secret, shown this once.

        The one before still opens until the overlap ends.
        """
        key = self.lock()
        serializer = RotateSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        overlap = dt.timedelta(seconds=serializer.validated_data["overlap_seconds"])
        secret = rotate_key(key=key, overlap=overlap)
        return self._with_secret(self.respond(key.pk), secret)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.lock()
        return super().destroy(request, *args, **kwargs)

    def perform_destroy(self, row: Any) -> None:
        revoke_key(key=row)

    @staticmethod
    def _with_secret(response: Response, secret: Secret) -> Response:
        response.data = {**response.data, "secret": secret.text}
        response.headers["Cache-Control"] = "no-store"
        return response

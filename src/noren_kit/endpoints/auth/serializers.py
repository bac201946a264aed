"""`/api/auth/`: what goes in, what comes out."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from noren_kit.api.fields import IdField, StringField, TextField
from noren_kit.api.serializers import StrictSerializer


class PasswordField(StringField):
    """Kept as typed: neither trimmed nor normalised."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, max_length=1_000, write_only=True, **kwargs)


class SignInSerializer(StrictSerializer):
    username = TextField(max_length=150, required=False)
    email = TextField(max_length=254, required=False)
    password = PasswordField()
    tenant_id = IdField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("username" in attrs) == ("email" in attrs):
            raise serializers.ValidationError(_("Give a username or an e-mail."), code="one_of")
        return attrs


class RefreshSerializer(StrictSerializer):
    refresh = StringField(max_length=4_000, required=False)


class VerifySerializer(StrictSerializer):
    token = StringField(max_length=4_000)


class SwitchSerializer(StrictSerializer):
    tenant_id = IdField()


class PasswordChangeSerializer(StrictSerializer):
    current_password = PasswordField()
    new_password = PasswordField()


class PasswordResetSerializer(StrictSerializer):
    email = TextField(max_length=254)


class PasswordResetConfirmSerializer(StrictSerializer):
    uid = StringField(max_length=100)
    token = StringField(max_length=200)
    new_password = PasswordField()


class TenantRefSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()


class SignedInUserSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    email = serializers.CharField()
    name = serializers.CharField()
    tenant = TenantRefSerializer(allow_null=True)
    roles = serializers.ListField(child=serializers.CharField())


class PairSerializer(serializers.Serializer):
    access = serializers.CharField()
    refresh = serializers.CharField()


class SignedInSerializer(PairSerializer):
    user = SignedInUserSerializer()


class MeSerializer(SignedInUserSerializer):
    is_staff = serializers.BooleanField()
    is_superuser = serializers.BooleanField()
    permissions = serializers.ListField(child=serializers.CharField())


class InvitationSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    tenant = TenantRefSerializer()
    invited_at = serializers.DateTimeField()


class InvitationsSerializer(serializers.Serializer):
    results = InvitationSerializer(many=True)


class KeySerializer(serializers.Serializer):
    kty = serializers.CharField()
    crv = serializers.CharField()
    x = serializers.CharField()
    kid = serializers.CharField()
    alg = serializers.CharField()
    use = serializers.CharField()


class KeySetSerializer(serializers.Serializer):
    keys = KeySerializer(many=True)

"""`/api/auth/password/…`: changed with the old one, or reset through the person's mail."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import translation
from django.utils.decorators import method_decorator
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from noren_kit.accounts import passwords, queueing
from noren_kit.accounts.models import User
from noren_kit.accounts.sign_in import Account, Reason, write_refusal
from noren_kit.api.parameters import parse_id
from noren_kit.api.viewsets import StrictViewMixin
from noren_kit.core import context
from noren_kit.endpoints.auth import lockout
from noren_kit.endpoints.auth.answers import BEARER_ONLY, InPerson, person, signed_out
from noren_kit.endpoints.auth.serializers import (
    PasswordChangeSerializer,
    PasswordResetConfirmSerializer,
    PasswordResetSerializer,
)


class ChangeView(StrictViewMixin, APIView):
    permission_classes = [InPerson]

    @extend_schema(
        request=PasswordChangeSerializer,
        responses={204: None},
        operation_id="change_password",
        auth=BEARER_ONLY,
    )
    def post(self, request: Request) -> Response:
        """Change my password.

        Ends all sessions of the person, this one too. Wrong current passwords count as failed
        sign-ins and lock the account for the address as they do (429).
        """
        serializer = PasswordChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        user = User.objects.get(id=person().user_id)
        attempt = lockout.count_attempt(request, Account("username", user.username))
        is_right = passwords.is_password_of(user, given["current_password"])
        if is_right:
            attempt.succeeded()
        else:
            # The request is about to be refused, and its transaction rolled back.
            context.after_request(lambda: write_refusal(user, Reason.PASSWORD))
        passwords.change_password(
            user, is_current_right=is_right, new_password=given["new_password"]
        )
        return signed_out()


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class ResetView(StrictViewMixin, APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    limit_class = "password_reset"

    @extend_schema(
        request=PasswordResetSerializer, responses={204: None}, operation_id="reset_password"
    )
    def post(self, request: Request) -> Response:
        """Ask for a new password.

        A mail with a link goes to the address if a person has it; the answer is the same if not.
        """
        serializer = PasswordResetSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        queueing.queue_password_reset(
            serializer.validated_data["email"], translation.get_language() or "en"
        )
        return Response(status=204)


class ResetConfirmView(StrictViewMixin, APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    limit_class = "password_reset"

    @extend_schema(
        request=PasswordResetConfirmSerializer,
        responses={204: None},
        operation_id="confirm_password_reset",
    )
    def post(self, request: Request) -> Response:
        """Set a new password.

        With `uid` and `token` of the mail, which work once. Ends all sessions of the person.
        Someone who was invited, and had no password so far, accepts the invitations by it.
        """
        serializer = PasswordResetConfirmSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        passwords.reset_password(parse_id(given["uid"]), given["token"], given["new_password"])
        return signed_out()

"""`/api/auth/token/…`: tokens for credentials, their exchange and their check; the public keys."""

from __future__ import annotations

import hashlib
from typing import Any

from django.db import transaction
from django.http import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from noren_kit.accounts import sign_in, tokens
from noren_kit.accounts.keys import key_ring
from noren_kit.accounts.sign_in import Account, Refused
from noren_kit.accounts.standing import Affiliation
from noren_kit.accounts.tokens import InvalidToken
from noren_kit.api.viewsets import StrictViewMixin
from noren_kit.core.errors import InvalidInput
from noren_kit.endpoints.auth import lockout
from noren_kit.endpoints.auth.answers import (
    BadCredentials,
    CountedBySession,
    cookie_token,
    signed_in,
    with_cookie,
)
from noren_kit.endpoints.auth.serializers import (
    KeySetSerializer,
    PairSerializer,
    RefreshSerializer,
    SignedInSerializer,
    SignInSerializer,
    VerifySerializer,
)

_KEYS_SECONDS = 300


class TenantRequired(InvalidInput):
    code = "tenant_required"
    message = _("You belong to several tenants: name one by tenant_id.")

    def __init__(self, choices: list[Affiliation]) -> None:
        listed = [{"id": str(each.tenant_id), "name": each.tenant_name} for each in choices]
        super().__init__(details={"tenants": listed})


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class SignInView(StrictViewMixin, APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    limit_class = "sign_in"

    @extend_schema(request=SignInSerializer, responses=SignedInSerializer, operation_id="sign_in")
    def post(self, request: Request) -> Response:
        """Sign in.

        By user name or e-mail; answers with a pair of tokens, the refresh token as a cookie too.
        Members of several tenants name one by `tenant_id`. After 10 failures in 15 minutes for
        one account from one address, that account is locked for that address (429).
        """
        serializer = SignInSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        kind = "username" if "username" in given else "email"
        account = Account(kind, given[kind])
        attempt = lockout.count_attempt(request, account)
        try:
            checked = sign_in.check_credentials(account, given["password"], given.get("tenant_id"))
            attempt.succeeded()
            if len(checked.choices) > 1:
                raise TenantRequired(checked.choices)
            affiliation = checked.choices[0] if checked.choices else None
            pair = sign_in.open_session(checked, affiliation)
        except Refused:
            raise BadCredentials from None
        return signed_in(checked.user, affiliation, pair)


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class RefreshView(CountedBySession, APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    @extend_schema(request=RefreshSerializer, responses=PairSerializer, operation_id="refresh")
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for a new pair.

        The token is taken from the body or the cookie, and is spent: presented again, it ends
        the session.
        """
        serializer = RefreshSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        token = serializer.validated_data.get("refresh") or cookie_token(request)
        if token is None:
            raise BadCredentials
        try:
            pair = tokens.exchange(token)
        except InvalidToken:
            raise BadCredentials from None
        return with_cookie(Response({"access": pair.access, "refresh": pair.refresh}), pair)


class VerifyView(CountedBySession, APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    shown_as = "token"

    @extend_schema(
        request=VerifySerializer,
        responses=OpenApiTypes.OBJECT,
        operation_id="verify_token",
    )
    def post(self, request: Request) -> Response:
        """Check a token.

        Answers 200 for an access or refresh token that would be accepted now, 401 for any other;
        a spent refresh token is none. The check changes nothing.
        """
        serializer = VerifySerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        if not tokens.is_live(serializer.validated_data["token"]):
            raise BadCredentials
        return Response({})


class KeySetView(StrictViewMixin, APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    @extend_schema(
        responses={200: KeySetSerializer, 304: OpenApiResponse(description="Not changed.")},
        operation_id="jwks",
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Show the public keys.

        A JSON Web Key Set (RFC 7517, section 5) of all keys that access tokens may be signed by.
        A verifier that meets an unknown `kid` asks again.
        """
        keys = key_ring()
        etag = '"' + hashlib.sha256(" ".join(keys).encode()).hexdigest()[:32] + '"'
        headers = {"Cache-Control": f"public, max-age={_KEYS_SECONDS}", "ETag": etag}
        response = Response({"keys": [key.jwk for key in keys.values()]}, headers=headers)
        return get_conditional_response(request._request, etag=etag, response=response) or response

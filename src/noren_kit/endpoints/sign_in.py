"""`/api/auth/`: tokens, their exchange, and who I am."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from noren_kit.accounts import tokens
from noren_kit.accounts.models import User, fold
from noren_kit.accounts.permissions import SignedIn
from noren_kit.accounts.rights import STAFF_ROLES, may
from noren_kit.accounts.standing import Affiliation, affiliations
from noren_kit.accounts.tokens import InvalidToken, Pair
from noren_kit.api.registry import known_rights
from noren_kit.api.viewsets import StrictViewMixin
from noren_kit.core import context
from noren_kit.core.conf import conf
from noren_kit.core.errors import InvalidInput, NotSignedIn
from noren_kit.endpoints.serializers import (
    MeSerializer,
    PairSerializer,
    RefreshSerializer,
    SignedInSerializer,
    SignInSerializer,
)

COOKIE = "noren_refresh"
COOKIE_PATH = "/api/auth/"


class BadCredentials(NotSignedIn):
    """One answer for every reason, so that nobody learns which it was."""

    code = "invalid_credentials"
    message = _("These credentials do not open anything here.")

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": 'Bearer realm="api"'})


def _find_user(given: dict[str, Any]) -> User | None:
    column = "username_folded" if "username" in given else "email_folded"
    value = str(given.get("username", given.get("email")))
    user = User.objects.filter(**{column: fold(value)}).first()
    if user is None:
        # The same work as for a known user: one hash.
        make_password(given["password"])
        return None
    return user if user.check_password(given["password"]) and user.is_active else None


def _choose(user: User, wanted: uuid.UUID | None) -> Affiliation | None:
    """The tenant to sign in to; None for platform staff without one."""
    open_to = affiliations(user.id)
    if wanted is not None:
        chosen = next((each for each in open_to if each.tenant_id == wanted), None)
        if chosen is None:
            raise BadCredentials
        return chosen
    if len(open_to) == 1:
        return open_to[0]
    if not open_to:
        if user.is_superuser:
            return None
        raise BadCredentials
    raise TenantRequired(open_to)


class TenantRequired(InvalidInput):
    code = "tenant_required"
    message = _("You belong to several tenants: name one by tenant_id.")

    def __init__(self, choices: list[Affiliation]) -> None:
        listed = [{"id": str(each.tenant_id), "name": each.tenant_name} for each in choices]
        super().__init__(details={"tenants": listed})


def _with_cookie(response: Response, pair: Pair) -> Response:
    response.set_cookie(
        COOKIE,
        pair.refresh,
        max_age=conf.REFRESH_TOKEN_SECONDS,
        path=COOKIE_PATH,
        secure=True,
        httponly=True,
        samesite="Lax",
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class SignInView(StrictViewMixin, APIView):
    limit_class = "sign_in"
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    @extend_schema(request=SignInSerializer, responses=SignedInSerializer, operation_id="sign_in")
    def post(self, request: Request) -> Response:
        """Sign in.

        By user name or e-mail; answers with a pair of tokens, the refresh token as a cookie too.
        Members of several tenants name one by `tenant_id`.
        """
        serializer = SignInSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user = _find_user(serializer.validated_data)
        if user is None:
            raise BadCredentials
        affiliation = _choose(user, serializer.validated_data.get("tenant_id"))
        pair = tokens.open_session(user=user, affiliation=affiliation)
        body = {
            "access": pair.access,
            "refresh": pair.refresh,
            "user": {
                "id": str(user.id),
                "email": user.email,
                "name": user.display_name,
                "tenant": affiliation
                and {"id": str(affiliation.tenant_id), "name": affiliation.tenant_name},
                "roles": sorted(affiliation.roles) if affiliation else [],
            },
        }
        return _with_cookie(Response(body), pair)


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class RefreshView(StrictViewMixin, APIView):
    limit_class = "refresh"
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    def limit_key(self, request: Request) -> str:
        """The session whose token is shown, so that one address may hold many people."""
        given = request.data.get("refresh") if isinstance(request.data, dict) else None
        try:
            claims = tokens.decode(str(given or request.COOKIES.get(COOKIE)), "refresh")
            return f"session:{tokens.claimed_id(claims, 'sid')}"
        except InvalidToken:
            return super().limit_key(request)

    @extend_schema(request=RefreshSerializer, responses=PairSerializer, operation_id="refresh")
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for a new pair.

        The token is taken from the body or the cookie, and is spent: presented again, it ends
        the session.
        """
        serializer = RefreshSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        token = serializer.validated_data.get("refresh")
        if token is None:
            token = self._from_cookie(request)
        try:
            session, user = tokens.spend_refresh(token)
        except InvalidToken:
            raise BadCredentials from None
        affiliation = None
        if session.tenant_id is not None:
            affiliation = _choose(user, session.tenant_id)
        pair = tokens.pair_for(session, user, affiliation)
        return _with_cookie(Response({"access": pair.access, "refresh": pair.refresh}), pair)

    @staticmethod
    def _from_cookie(request: Request) -> str:
        """The cookie's token, for requests of this origin alone (beside SameSite)."""
        origin = request.headers.get("Origin")
        own = f"{request.scheme}://{request.get_host()}"
        token = request.COOKIES.get(COOKIE)
        if token is None or (origin is not None and origin != own):
            raise BadCredentials
        return str(token)


class MeView(StrictViewMixin, APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=MeSerializer, operation_id="me")
    def get(self, request: Request) -> Response:
        """Show who is signed in, where, and what they may do there."""
        actor, tenant = context.actor(), context.tenant_or_none()
        if actor is None:
            raise NotSignedIn
        return Response(
            {
                "id": str(actor.user_id),
                "email": actor.email,
                "name": actor.name,
                "tenant": tenant and {"id": str(tenant.id), "name": tenant.name},
                "roles": sorted(actor.roles),
                "is_staff": bool(STAFF_ROLES & actor.roles),
                "is_superuser": actor.is_superuser,
                "permissions": sorted(right for right in known_rights() if may(right)),
            }
        )

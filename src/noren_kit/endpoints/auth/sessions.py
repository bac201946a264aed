"""`/api/auth/`: who I am, in another of my tenants, and signed out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import get_authorization_header
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from noren_kit.accounts import sign_in, tokens
from noren_kit.accounts.models import SignInSession
from noren_kit.accounts.permissions import SignedIn
from noren_kit.accounts.rights import STAFF_ROLES, may
from noren_kit.accounts.standing import affiliations
from noren_kit.accounts.tokens import InvalidToken
from noren_kit.api.registry import known_rights
from noren_kit.api.serializers import NoInput
from noren_kit.api.viewsets import StrictViewMixin
from noren_kit.audit.models import AccessEntry
from noren_kit.audit.recording import record_of_person
from noren_kit.core import context
from noren_kit.core.errors import InvalidInput, NotSignedIn
from noren_kit.endpoints.auth.answers import (
    BEARER_ONLY,
    BadCredentials,
    CountedBySession,
    InPerson,
    cookie_token,
    person,
    signed_in,
    signed_out,
)
from noren_kit.endpoints.auth.serializers import (
    MeSerializer,
    RefreshSerializer,
    SignedInSerializer,
    SwitchSerializer,
)


def _bearer_token(request: Request) -> str | None:
    scheme, _space, credential = get_authorization_header(request).partition(b" ")
    return credential.decode("ascii", "replace") if scheme.lower() == b"bearer" else None


class LogoutView(CountedBySession, APIView):
    """Looks at credentials by itself: one that is past its time may still name its session."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    def shown_token(self, request: Request) -> str | None:
        return super().shown_token(request) or _bearer_token(request)

    @extend_schema(request=RefreshSerializer, responses={204: None}, operation_id="sign_out")
    def post(self, request: Request) -> Response:
        """Sign out.

        Ends the session of the refresh token in the body; without one that of the access token,
        else that of the cookie. Its access tokens are dead at once, and the cookie is cleared.
        Once signed out, the same call is 204 again.
        """
        serializer = RefreshSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data.get("refresh")
        session = self._session([given] if given else self._presented(request))
        if tokens.end_session(session.id, user_id=session.user_id):
            tokens.record_in(AccessEntry.Kind.SIGNED_OUT, session)
        return signed_out()

    @staticmethod
    def _presented(request: Request) -> Iterator[str]:
        for token in (_bearer_token(request), cookie_token(request)):
            if token is not None:
                yield token

    @staticmethod
    def _session(presented: Any) -> SignInSession:
        for token in presented:
            try:
                return tokens.session_of(token)
            except InvalidToken:
                continue
        raise BadCredentials


class LogoutAllView(StrictViewMixin, APIView):
    permission_classes = [InPerson]

    @extend_schema(
        request=None, responses={204: None}, operation_id="sign_out_everywhere", auth=BEARER_ONLY
    )
    def post(self, request: Request) -> Response:
        """Sign out everywhere.

        Ends all sessions of the person, in all tenants. API keys are not sessions and stay.
        """
        NoInput(data=request.data).is_valid(raise_exception=True)
        actor = person()
        tokens.hold_person(actor.user_id)
        tokens.end_sessions(actor.user_id, SignInSession.Ending.SIGNED_OUT)
        record_of_person(AccessEntry.Kind.SIGNED_OUT_EVERYWHERE, actor)
        return signed_out()


class SwitchView(StrictViewMixin, APIView):
    permission_classes = [InPerson]

    @extend_schema(
        request=SwitchSerializer,
        responses=SignedInSerializer,
        operation_id="switch_tenant",
        auth=BEARER_ONLY,
    )
    def post(self, request: Request) -> Response:
        """Sign in to another tenant.

        Opens a new session in another of one's tenants; the present one goes on.
        """
        serializer = SwitchSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wanted, actor = serializer.validated_data["tenant_id"], person()
        user = tokens.hold_person(actor.user_id)
        for each in affiliations(user.id):
            if each.tenant_id == wanted:
                break
        else:
            raise InvalidInput.field("tenant_id", "does_not_exist", _("There is no such object."))
        try:
            pair = sign_in.open_recorded(user, each, beside=actor.credential_id)
        except InvalidToken:
            raise BadCredentials from None
        return signed_in(user, each, pair)


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

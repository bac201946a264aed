"""`/api/auth/invitations/`: what the signed-in person is invited to, from any tenant or none."""

from __future__ import annotations

from collections.abc import Callable

from django.db import models
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from noren_kit.accounts.invitations import (
    accept_invitation,
    decline_invitation,
    find_invitation,
)
from noren_kit.accounts.models import Membership
from noren_kit.accounts.standing import Invitation, invitations
from noren_kit.api.parameters import parse_id
from noren_kit.api.serializers import NoInput
from noren_kit.api.viewsets import StrictViewMixin
from noren_kit.core.context import Actor
from noren_kit.endpoints.auth.answers import BEARER_ONLY, InPerson, person
from noren_kit.endpoints.auth.serializers import InvitationsSerializer


class InvitationsView(StrictViewMixin, APIView):
    permission_classes = [InPerson]

    @extend_schema(responses=InvitationsSerializer, operation_id="invitations", auth=BEARER_ONLY)
    def get(self, request: Request) -> Response:
        """Show my invitations.

        All that are open, oldest first.
        """
        shown = [
            {
                "id": each.membership_id,
                "tenant": {"id": each.tenant_id, "name": each.tenant_name},
                "invited_at": each.invited_at,
            }
            for each in invitations(person().user_id)
        ]
        return Response(InvitationsSerializer({"results": shown}).data)


class _Answering(StrictViewMixin, APIView):
    permission_classes = [InPerson]

    @classmethod
    def resource_model(cls) -> type[models.Model]:
        return Membership

    @staticmethod
    def answer(request: Request, pk: str, settle: Callable[[Actor, Invitation], None]) -> Response:
        NoInput(data=request.data).is_valid(raise_exception=True)
        actor = person()
        settle(actor, find_invitation(actor, parse_id(pk)))
        return Response(status=204)


class AcceptView(_Answering):
    @extend_schema(
        request=None, responses={204: None}, operation_id="accept_invitation", auth=BEARER_ONLY
    )
    def post(self, request: Request, pk: str) -> Response:
        """Accept an invitation.

        From then on one may sign in to that tenant, or switch to it.
        """
        return self.answer(request, pk, accept_invitation)


class DeclineView(_Answering):
    @extend_schema(
        request=None, responses={204: None}, operation_id="decline_invitation", auth=BEARER_ONLY
    )
    def post(self, request: Request, pk: str) -> Response:
        """Decline an invitation.

        It is gone then; the tenant may invite again.
        """
        return self.answer(request, pk, decline_invitation)

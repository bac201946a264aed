"""The invited person's side: invitations accepted and declined, each in its own tenant."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils import timezone

from noren_kit.accounts.models import Membership, User
from noren_kit.accounts.standing import Invitation, invitations
from noren_kit.audit.models import AccessEntry
from noren_kit.audit.recording import record_change
from noren_kit.core.context import Actor
from noren_kit.core.errors import NotFound
from noren_kit.tenancy.entering import enter


def find_invitation(actor: Actor, membership_id: uuid.UUID | None) -> Invitation:
    """The person's own open invitation; raises `NotFound` for any other id."""
    for each in invitations(actor.user_id):
        if each.membership_id == membership_id:
            return each
    raise NotFound


def accept_invitation(actor: Actor, invitation: Invitation) -> None:
    """Make the person a member; raises `NotFound` where the invitation is not open any more."""
    _settle(actor, invitation, "accepted_at", AccessEntry.Kind.MEMBER_JOINED)
    _adopt_name(actor, invitation)


def _adopt_name(actor: Actor, invitation: Invitation) -> None:
    """Who has no name yet takes that by which they were invited."""
    with enter(invitation.tenant_id, suspended=True):
        name = Membership.objects.values_list("invited_name", flat=True).get(
            id=invitation.membership_id
        )
    User.objects.filter(id=actor.user_id, name="").update(name=name)


def decline_invitation(actor: Actor, invitation: Invitation) -> None:
    """Take the invitation back; raises `NotFound` where it is not open any more.

    The tenant's log tells nothing of the person, who wants nothing to do with it.
    """
    _settle(
        actor,
        invitation,
        "deleted_at",
        AccessEntry.Kind.MEMBER_REMOVED,
        anonymous=True,
        declined=True,
    )


def _settle(
    actor: Actor,
    invitation: Invitation,
    column: str,
    kind: AccessEntry.Kind,
    *,
    anonymous: bool = False,
    **details: Any,
) -> None:
    # The roles that the actor holds are of another tenant. One that is suspended at this moment
    # is entered too: the invitation was shown as open.
    guest = Actor(actor.user_id, actor.name, actor.email, credential_id=actor.credential_id)
    with enter(invitation.tenant_id, actor=guest, suspended=True, anonymous=anonymous):
        is_open = Membership.objects.filter(id=invitation.membership_id, accepted_at=None)
        if not is_open.touch(**{column: timezone.now()}):
            raise NotFound
        member_id = str(invitation.membership_id)
        record_change(kind, anonymous=anonymous, member_id=member_id, **details)

"""Scheduled upkeep of sign-in sessions, and the mail of an invitation."""

from __future__ import annotations

import datetime as dt

from celery import shared_task
from django.core.mail import send_mail
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from noren_kit.accounts.models import Membership, SignInSession
from noren_kit.core import context
from noren_kit.tenancy.tasks import TenantTask

# Ended sessions stay a while, so that a replayed token is still known as spent.
KEPT = dt.timedelta(days=30)


@shared_task(name="accounts.remove_stale_sessions", ignore_result=True)
def remove_stale_sessions() -> int:
    """Remove sessions that ended or ran out more than 30 days ago; returns their number."""
    before = timezone.now() - KEPT
    removed, _by_model = SignInSession.objects.filter(
        Q(ended_at__lt=before) | Q(expires_at__lt=before)
    ).delete()
    return removed


@shared_task(base=TenantTask, name="accounts.send_invitation", ignore_result=True)
def send_invitation(membership_id: str) -> bool:
    """Mail an invitation that is still open; returns whether there was one.

    The same words to those who have an account and to those who have none yet, and to the
    address as it is stored: one that is alike once folded may be another mailbox.
    """
    invitation = (
        Membership.objects.select_related("created_by", "user")
        .filter(id=membership_id, accepted_at=None)
        .first()
    )
    if invitation is None:
        return False
    tenant, inviter = context.tenant(), invitation.created_by
    with override(tenant.locale):
        subject = _("You are invited to %(tenant)s") % {"tenant": tenant.name}
        who = inviter.display_name if inviter else tenant.name
        body = _(
            "%(who)s invites you to %(tenant)s. Sign in with this address to accept or decline. "
            "If you have no password yet, ask for one by resetting it."
        ) % {"who": who, "tenant": tenant.name}
    send_mail(" ".join(subject.split()), body, None, [invitation.user.email])
    return True

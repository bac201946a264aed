"""Tasks around accounts: mails of invitations and password resets, and scheduled upkeep."""

from __future__ import annotations

import datetime as dt
from smtplib import SMTPException
from typing import Any

from celery import shared_task
from django.core.mail import send_mail
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from noren_kit.accounts.models import FailedSignIn, Membership, SignInSession
from noren_kit.accounts.passwords import send_reset_mail
from noren_kit.core import context
from noren_kit.core.tasks import tenant_headers
from noren_kit.tenancy.tasks import TenantTask

# Ended sessions stay a while, so that a replayed token is still known as spent.
KEPT = dt.timedelta(days=30)


@shared_task(
    name="accounts.send_password_reset",
    autoretry_for=(SMTPException, OSError),
    max_retries=5,
    retry_backoff=10,
    ignore_result=True,
)
def send_password_reset(email: str, language: str) -> None:
    """Look for the person and mail them, in the language that the request was made in.

    All of it is here and not in the request, which is the same work for any address.
    """
    with translation.override(language):
        send_reset_mail(email)


@shared_task(name="accounts.remove_stale_sessions")
def remove_stale_sessions() -> int:
    """Remove sessions that ended or ran out more than 30 days ago; returns their number."""
    before = timezone.now() - KEPT
    removed, _by_model = SignInSession.objects.filter(
        Q(ended_at__lt=before) | Q(expires_at__lt=before)
    ).delete()
    return removed


@shared_task(
    bind=True,
    base=TenantTask,
    name="accounts.send_invitation",
    max_retries=5,
    ignore_result=True,
)
def send_invitation(self: Any, membership_id: str) -> bool:
    """Mail an invitation that is still open; returns whether there was one. At least once.

    To the address as it is stored: one that is alike once folded may be another mailbox. Who
    has no password yet gets a second mail, by which they set one and accept.
    """
    invitation = (
        Membership.objects.select_related("created_by", "user")
        .filter(id=membership_id, accepted_at=None)
        .first()
    )
    if invitation is None:
        return False
    try:
        _mail_invitation(invitation)
    except (SMTPException, OSError) as error:
        headers = tenant_headers(context.tenant_id(), context.request_id())
        raise self.retry(
            exc=error, countdown=10 * 2**self.request.retries, headers=headers
        ) from error
    return True


def _mail_invitation(invitation: Membership) -> None:
    tenant, inviter, person = context.tenant(), invitation.created_by, invitation.user
    with translation.override(tenant.locale):
        subject = _("You are invited to %(tenant)s") % {"tenant": tenant.name}
        who = inviter.display_name if inviter else tenant.name
        body = _(
            "%(who)s invites you to %(tenant)s. Sign in with this address to accept or decline."
        ) % {"who": who, "tenant": tenant.name}
        send_mail(" ".join(subject.split()), body, None, [person.email])
        if not person.has_usable_password():
            send_reset_mail(person.email)


@shared_task(name="accounts.remove_failed_sign_ins")
def remove_failed_sign_ins() -> int:
    """Remove failed sign-ins of more than 30 days ago; returns their number."""
    removed, _by_model = FailedSignIn.objects.filter(occurred_at__lt=timezone.now() - KEPT).delete()
    return removed

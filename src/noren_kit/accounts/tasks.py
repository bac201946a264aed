"""Tasks around accounts: the mail of a password reset, and scheduled upkeep."""

from __future__ import annotations

import datetime as dt
from smtplib import SMTPException

from celery import shared_task
from django.db.models import Q
from django.utils import timezone, translation

from noren_kit.accounts.models import FailedSignIn, SignInSession
from noren_kit.accounts.passwords import send_reset_mail

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


@shared_task(name="accounts.remove_stale_sessions", ignore_result=True)
def remove_stale_sessions() -> int:
    """Remove sessions that ended or ran out more than 30 days ago; returns their number."""
    before = timezone.now() - KEPT
    removed, _by_model = SignInSession.objects.filter(
        Q(ended_at__lt=before) | Q(expires_at__lt=before)
    ).delete()
    return removed


@shared_task(name="accounts.remove_failed_sign_ins", ignore_result=True)
def remove_failed_sign_ins() -> int:
    """Remove failed sign-ins of more than 30 days ago; returns their number."""
    removed, _by_model = FailedSignIn.objects.filter(occurred_at__lt=timezone.now() - KEPT).delete()
    return removed

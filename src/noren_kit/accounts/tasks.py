"""Scheduled upkeep of sign-in sessions."""

from __future__ import annotations

import datetime as dt

from celery import shared_task
from django.db.models import Q
from django.utils import timezone

from noren_kit.accounts.models import SignInSession

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

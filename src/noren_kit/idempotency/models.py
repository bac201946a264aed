"""Answers that are kept for a day, so that a call may be sent again (docs/guides/retries.md)."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from noren_kit.tenancy.models import TenantRow


class KeptAnswer(TenantRow):
    """What a call with an `Idempotency-Key` was answered, written in the transaction of its effect.

    `id` follows from credential, method, path and key; `fingerprint` from the body. `answer` is
    packed, and null where it is not kept although there was an effect.
    """

    revises: ClassVar[str | None] = ""
    unrecorded = "A copy of an answer, for a day."

    fingerprint = models.BinaryField(max_length=16)
    answer = models.BinaryField(null=True)
    expires_at = models.DateTimeField()

    class Meta(TenantRow.Meta):
        indexes = [models.Index(fields=["tenant", "expires_at"], name="idempotency_expires_at")]

    def __str__(self) -> str:
        return str(self.id)

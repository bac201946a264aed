"""What a call with an `Idempotency-Key` may be refused for."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from noren_kit.core.errors import AppError, Conflict


class KeyInProgress(Conflict):
    """409: the first call with this key still runs."""

    code = "idempotency_in_progress"
    message = _("The first request with this Idempotency-Key still runs. Send it again shortly.")

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class AnswerNotKept(Conflict):
    """409: the call was carried out, and its answer is not there to be repeated."""

    code = "idempotency_not_kept"
    message = _(
        "This request was carried out before. Its answer showed a secret once, or was too large,"
        " and is not kept."
    )


class KeyMismatch(AppError):
    """422: the key stands for another request."""

    status = 422
    code = "idempotency_mismatch"
    message = _("This Idempotency-Key was used with another request. Take a new one.")

"""What a caller over a limit is told."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from noren_kit.core.errors import AppError
from noren_kit.limits.counting import Reading


class Throttled(AppError):
    """429 (RFC 6585, section 4), with `Retry-After` in seconds."""

    status = 429
    code = "throttled"
    message = _("Too many requests.")

    def __init__(self, reading: Reading) -> None:
        super().__init__(
            details={
                "limit": reading.limit.requests,
                "window_seconds": reading.limit.seconds,
                "retry_after": reading.reset,
            },
            headers={"Retry-After": str(reading.reset)},
        )

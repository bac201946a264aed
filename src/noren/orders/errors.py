"""What can go wrong with orders."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from noren_kit.core.errors import Conflict, InvalidInput


class InvalidTransition(Conflict):
    """409: the order's state does not allow this; `details.allowed` lists what it does allow."""

    code = "invalid_transition"
    message = _("The order's present state does not allow this.")

    def __init__(self, *, status: str, allowed: Sequence[str]) -> None:
        super().__init__(details={"status": status, "allowed": list(allowed)})


class DiscountTooLarge(InvalidInput):
    def __init__(self) -> None:
        message = _("The discount is larger than the order.")
        super().__init__(details={"discount": [{"code": "too_large", "message": message}]})

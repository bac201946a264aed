"""What can go wrong with orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from noren_kit.core.errors import Conflict, InvalidInput
from noren_kit.core.money import format_amount


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


class AmountTooLarge(Conflict):
    """409: more than is owed or was paid; `details.most` is what would do."""

    code = "amount_too_large"
    message = _("The amount is larger than the order allows at present.")

    def __init__(self, *, amount: Decimal, most: Decimal, currency: str) -> None:
        super().__init__(
            details={
                "amount": format_amount(amount, currency),
                "most": format_amount(most, currency),
            }
        )


class NotReturnable(Conflict):
    """409: `details.items` names every line of which fewer units are left to be returned."""

    code = "not_returnable"
    message = _("More units were given than are left to be returned.")

    def __init__(self, items: Sequence[Mapping[str, object]]) -> None:
        super().__init__(details={"items": list(items)})


class ReservationNotHeld(Conflict):
    """409: it has expired, was released, or an order has used it; `details.status` says which."""

    code = "reservation_not_held"
    message = _("The reservation holds nothing any more.")

    def __init__(self, status: str) -> None:
        super().__init__(details={"status": status})

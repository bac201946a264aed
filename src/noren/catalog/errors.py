"""What can go wrong in the catalogue."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from noren_kit.core.errors import Forbidden, InvalidInput


class ApprovalRequired(Forbidden):
    """403: products of this category are written by a manager or an owner only."""

    code = "approval_required"
    message = _("Products of this category are written by a manager or an owner.")


class PriceBelowFloor(InvalidInput):
    """400: a price may not fall below half of the present one in one step."""

    def __init__(self, floor: str) -> None:
        message = _("The price may not fall below %(floor)s in one step.") % {"floor": floor}
        super().__init__(details={"price": [{"code": "price_floor", "message": message}]})

"""The operations on orders."""

from noren.orders.services.cancelling import cancel_order
from noren.orders.services.placing import NewLine, place_order

__all__ = ["NewLine", "cancel_order", "place_order"]

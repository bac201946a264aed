"""The changes of stock, and those that another app calls."""

from noren.inventory.services.importing import (
    Opening,
    PastMovement,
    open_imported_stock,
    record_movements,
)
from noren.inventory.services.moving import (
    MAX_QUANTITY,
    Change,
    Kind,
    adjust_stock,
    count_sold,
    move_stock,
    open_stock,
    set_stock,
)

__all__ = [
    "MAX_QUANTITY",
    "Change",
    "Kind",
    "Opening",
    "PastMovement",
    "adjust_stock",
    "count_sold",
    "move_stock",
    "open_imported_stock",
    "open_stock",
    "record_movements",
    "set_stock",
]

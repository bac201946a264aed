"""The changes of stock, and those that another app calls."""

from noren.inventory.services.holding import release_holder, sweep_expired
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
    StockMove,
    adjust_stock,
    count_sold,
    move_stock,
    open_stock,
    open_stock_together,
    set_stock,
)
from noren.inventory.services.reserving import allow_backorder, allow_backorders, hold_stock

__all__ = [
    "MAX_QUANTITY",
    "Change",
    "Kind",
    "Opening",
    "PastMovement",
    "StockMove",
    "adjust_stock",
    "allow_backorder",
    "allow_backorders",
    "count_sold",
    "hold_stock",
    "move_stock",
    "open_imported_stock",
    "open_stock",
    "open_stock_together",
    "record_movements",
    "release_holder",
    "set_stock",
    "sweep_expired",
]

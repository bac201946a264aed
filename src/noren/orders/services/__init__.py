"""The operations on orders."""

from noren.orders.services.advancing import confirm_order, deliver_order, ship_order
from noren.orders.services.cancelling import cancel_order
from noren.orders.services.importing import (
    count_imported_sales,
    import_customers,
    import_orders,
)
from noren.orders.services.past_orders import ImportedCustomer, PastLine, PastOrder
from noren.orders.services.paying import record_payment, record_refund
from noren.orders.services.placing import NewLine, place_order
from noren.orders.services.reserving import (
    EXPIRED,
    place_reserved_order,
    release_reservation,
    reserve,
    shown_status,
)
from noren.orders.services.returning import ReturnedItem, return_order

__all__ = [
    "EXPIRED",
    "ImportedCustomer",
    "NewLine",
    "PastLine",
    "PastOrder",
    "ReturnedItem",
    "cancel_order",
    "confirm_order",
    "count_imported_sales",
    "deliver_order",
    "import_customers",
    "import_orders",
    "place_order",
    "place_reserved_order",
    "record_payment",
    "record_refund",
    "release_reservation",
    "reserve",
    "return_order",
    "ship_order",
    "shown_status",
]

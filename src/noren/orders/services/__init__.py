"""The operations on orders."""

from noren.orders.services.advancing import confirm_order, deliver_order, ship_order
from noren.orders.services.cancelling import cancel_order
from noren.orders.services.importing import (
    ImportedCustomer,
    PastLine,
    PastOrder,
    count_imported_sales,
    import_customers,
    import_orders,
)
from noren.orders.services.paying import record_payment, record_refund
from noren.orders.services.placing import NewLine, place_order
from noren.orders.services.returning import ReturnedItem, return_order

__all__ = [
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
    "record_payment",
    "record_refund",
    "return_order",
    "ship_order",
]

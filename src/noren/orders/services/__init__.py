"""The operations on orders."""

from noren.orders.services.cancelling import cancel_order
from noren.orders.services.importing import (
    ImportedCustomer,
    PastLine,
    PastOrder,
    count_imported_sales,
    import_customers,
    import_orders,
)
from noren.orders.services.placing import NewLine, place_order

__all__ = [
    "ImportedCustomer",
    "NewLine",
    "PastLine",
    "PastOrder",
    "cancel_order",
    "count_imported_sales",
    "import_customers",
    "import_orders",
    "place_order",
]

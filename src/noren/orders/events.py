"""Events of orders."""

ORDER_PLACED = "order.placed"
ORDER_CANCELLED = "order.cancelled"
AGGREGATE = "order"

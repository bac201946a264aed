"""Events of orders."""

ORDER_PLACED = "order.placed"
ORDER_CONFIRMED = "order.confirmed"
ORDER_SHIPPED = "order.shipped"
ORDER_DELIVERED = "order.delivered"
ORDER_CANCELLED = "order.cancelled"
# Of a part too: `status` in the payload says whether all is back.
ORDER_RETURNED = "order.returned"
ORDER_PAID = "order.paid"
ORDER_REFUNDED = "order.refunded"
AGGREGATE = "order"

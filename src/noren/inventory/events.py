"""Events of stock."""

STOCK_LOW = "stock.low"
AGGREGATE = "stock_item"

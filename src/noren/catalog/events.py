"""Events of the catalogue, as they are stored."""

STOCK_DIGEST = "stock.digest"
# One a tenant and day, so that nobody is told twice.
DIGEST = "stock_digest"

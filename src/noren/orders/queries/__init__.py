"""Reads of orders."""

from noren.orders.queries.orders import (
    ImportedSum,
    find_customers_by_external_id,
    find_external_numbers,
    find_order,
    find_unexplained_lines,
    sum_imported,
    sum_units_imported,
    sum_units_returned,
)
from noren.orders.queries.timeline import (
    TIMELINE_KINDS,
    TimelineEntry,
    list_returns,
    list_timeline,
)

__all__ = [
    "TIMELINE_KINDS",
    "ImportedSum",
    "TimelineEntry",
    "find_customers_by_external_id",
    "find_external_numbers",
    "find_order",
    "find_unexplained_lines",
    "list_returns",
    "list_timeline",
    "sum_imported",
    "sum_units_imported",
    "sum_units_returned",
]

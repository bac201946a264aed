"""One line of the file: what it says, or why it can't be brought in.

Every refusal has a code; the codes are the report's and stand in the guide's table.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
import zoneinfo
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple

from noren.inventory.services import MAX_QUANTITY
from noren_kit.core.money import decimals_of
from noren_kit.jobs.running import Issue
from noren_kit.jobs.sources import Record

COLUMNS = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)
CURRENCY = "GBP"
GUEST = "guest"
TIME_ZONE = zoneinfo.ZoneInfo("Europe/London")

MAX_CODE = 50
MAX_TEXT = 200
MAX_PRICE = Decimal("99999999.99")
# Above this a long invoice's total could leave the bigint that holds thousandths.
MAX_AMOUNT = Decimal(10) ** 11
MAX_RAW = 500
YEARS = range(1900, 2200)

_INVOICE = re.compile(r"([CA]?)[0-9]{1,20}", re.ASCII)
_QUANTITY = re.compile(r"-?[0-9]{1,12}", re.ASCII)
_PRICE = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,20})?", re.ASCII)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Kind(Enum):
    """What a line becomes."""

    SALE = "sale"
    CREDIT = "credit"
    LOSS = "loss"


class Line(NamedTuple):
    """A sound line. `quantity` has the file's sign; `price` is in pounds."""

    line: int
    last_line: int
    values: list[str]
    invoice: str
    kind: Kind
    sku: str
    name: str
    quantity: int
    price: Decimal
    placed_at: dt.datetime
    customer: str
    country: str


class _RefusedError(Exception):
    def __init__(self, code: str, reason: str) -> None:
        self.code, self.reason = code, reason


@lru_cache(maxsize=1 << 16)
def read_quantity(text: str) -> int | None:
    """Whole units, or None for anything but digits with an optional minus."""
    return int(text) if _QUANTITY.fullmatch(text) else None


@lru_cache(maxsize=1 << 16)
def read_price(text: str) -> Decimal | None:
    """An amount, or None for anything but digits with an optional minus and a point."""
    return Decimal(text) if _PRICE.fullmatch(text) else None


@lru_cache(maxsize=1 << 12)
def _read_time(text: str) -> dt.datetime:
    """British local time as UTC: of a repeated hour the first, a skipped one an hour later."""
    try:
        if not _TIME.fullmatch(text):
            raise ValueError(text)
        local = dt.datetime.fromisoformat(text)
    except ValueError:
        raise _RefusedError("time", "InvoiceDate is not a time like 2010-12-01 08:26:00.") from None
    if local.year not in YEARS:
        raise _RefusedError("time", f"InvoiceDate is not in {YEARS.start} to {YEARS.stop - 1}.")
    return local.replace(tzinfo=TIME_ZONE).astimezone(dt.UTC)


@lru_cache(maxsize=1 << 14)
def _read_text(text: str, longest: int, column: str) -> str:
    text = unicodedata.normalize("NFC", text).strip()
    if len(text) > longest:
        raise _RefusedError("text", f"{column} is longer than {longest} characters.")
    if _CONTROL.search(text):
        raise _RefusedError("text", f"{column} has a control character.")
    return text


@lru_cache(maxsize=1 << 12)
def _read_invoice(text: str) -> str:
    """The letter in front of the number: C, A or none."""
    match = _INVOICE.fullmatch(text)
    if match is None:
        raise _RefusedError("invoice_number", "InvoiceNo is not a number, alone or after C or A.")
    if match[1] == "A":
        raise _RefusedError("bad_debt", "An adjustment of bad debt is no trade in goods.")
    return match[1]


@lru_cache(maxsize=1 << 16)
def _read_price(text: str) -> Decimal:
    price = read_price(text)
    if price is None:
        raise _RefusedError("price", "UnitPrice is not an amount.")
    if price < 0:
        raise _RefusedError("price_negative", "UnitPrice is negative.")
    if price > MAX_PRICE:
        raise _RefusedError("price", f"UnitPrice is above {MAX_PRICE}.")
    if price != round(price, decimals_of(CURRENCY)):
        raise _RefusedError("price_precision", "UnitPrice is finer than a penny.")
    return price


def _kind(letter: str, quantity: int, price: Decimal) -> Kind:
    if letter == "C":
        if quantity > 0:
            raise _RefusedError("quantity_sign", "A cancellation has a positive quantity.")
        return Kind.CREDIT
    if quantity > 0:
        return Kind.SALE
    if price:
        raise _RefusedError("quantity_sign", "A sale has a negative quantity.")
    return Kind.LOSS


def _read_quantity(text: str) -> int:
    quantity = read_quantity(text)
    if quantity is None:
        raise _RefusedError("quantity", "Quantity is not a whole number.")
    if not quantity or abs(quantity) > MAX_QUANTITY:
        raise _RefusedError("quantity", f"Quantity is 0 or above {MAX_QUANTITY}.")
    return quantity


def _read(record: Record) -> Line:
    values = record.values
    if len(values) != len(COLUMNS):
        raise _RefusedError("columns", f"The line has {len(values)} columns, not {len(COLUMNS)}.")
    letter = _read_invoice(values[0])
    sku = _read_text(values[1], MAX_CODE, "StockCode")
    if not sku:
        raise _RefusedError("code_missing", "StockCode is empty.")
    quantity, price = _read_quantity(values[3]), _read_price(values[5])
    if abs(quantity * price) > MAX_AMOUNT:
        raise _RefusedError("amount", f"Quantity × UnitPrice is above {MAX_AMOUNT}.")
    return Line(
        record.line,
        record.last_line,
        values,
        values[0],
        _kind(letter, quantity, price),
        sku,
        _read_text(values[2], MAX_TEXT, "Description"),
        quantity,
        price,
        _read_time(values[4]),
        _read_text(values[6], MAX_CODE, "CustomerID") or GUEST,
        _read_text(values[7], MAX_CODE, "Country"),
    )


def read_line(record: Record) -> Line | Issue:
    """The line, or the issue that keeps it out."""
    try:
        return _read(record)
    except _RefusedError as refused:
        return issue_of(record.line, record.last_line, record.values, refused.code, refused.reason)


def issue_of(line: int, last_line: int, values: list[str], code: str, reason: str) -> Issue:
    """The report's row for a line; its raw text is cut and made storable where it must be."""
    storable = [_storable(value) for value in values[:50]]
    raw: dict[str, Any] = {"values": storable}
    if len(values) == len(COLUMNS):
        raw = dict(zip(COLUMNS, storable, strict=True))
    return Issue(line, last_line, code, reason, raw)


def _storable(value: str) -> str:
    """PostgreSQL's jsonb has no NUL; longer texts are cut with an ellipsis."""
    shown = value.replace("\x00", "\\x00")
    return shown if len(shown) <= MAX_RAW else shown[: MAX_RAW - 1] + "…"


def figures(quantity: str, price: str) -> tuple[int, Decimal]:
    """Units and amount that a line adds to the file's sums; 0 for what can't be read."""
    units, each = read_quantity(quantity), read_price(price)
    if units is None:
        return 0, Decimal(0)
    return units, units * each if each is not None else Decimal(0)

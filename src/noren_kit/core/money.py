"""Money: how finely a currency counts (ISO 4217) and how a tenant rounds.

Amounts are `Decimal`s in whole currency units. They are stored as thousandths of a unit in a
bigint (see ADR 0003), which holds every currency with up to three decimals exactly.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

# ISO 4217, list one, without funds, metals and test codes, and without units that count in
# ten-thousandths, which a stored amount does not hold.
_CODES = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD
    BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB
    EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK
    JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA
    MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK
    PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN
    SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST
    XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CODES.split())

# ISO 4217, minor unit column: the currencies that do not have two decimals.
_DECIMALS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}


class Rounding(models.TextChoices):
    """What happens to the part below a currency's smallest unit."""

    FLOOR = "floor", _("round down")
    HALF_UP = "half_up", _("round half up")
    CEIL = "ceil", _("round up")


_MODES = {
    Rounding.FLOOR: ROUND_FLOOR,
    Rounding.HALF_UP: ROUND_HALF_UP,
    Rounding.CEIL: ROUND_CEILING,
}


def decimals_of(currency: str) -> int:
    """Decimals of a currency's minor unit: 0 for JPY, 2 for USD, 3 for KWD."""
    return _DECIMALS.get(currency, 2)


def quantum_of(currency: str) -> Decimal:
    """The smallest amount of a currency: 1, 0.01 or 0.001."""
    return Decimal(1).scaleb(-decimals_of(currency))


def round_amount(amount: Decimal, currency: str, rounding: str) -> Decimal:
    """`amount` at the currency's precision, rounded by the tenant's mode."""
    return amount.quantize(quantum_of(currency), rounding=_MODES[Rounding(rounding)])


def format_amount(amount: Decimal, currency: str) -> str:
    """`amount` as the API shows it: a plain decimal with the currency's decimals."""
    return f"{amount:.{decimals_of(currency)}f}"

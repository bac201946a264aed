"""What a tenant's settings may be: values that the rest of the program can work with."""

from __future__ import annotations

import zoneinfo
from functools import cache

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from noren_kit.core.money import CURRENCIES


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def validate_currency(value: str) -> None:
    """An alphabetic code of ISO 4217, such as `JPY`; raises `ValidationError`."""
    if value not in CURRENCIES:
        raise ValidationError(_("This is no currency code of ISO 4217."), code="unknown")


def validate_locale(value: str) -> None:
    """One of the installation's languages, such as `ja`; raises `ValidationError`."""
    if value not in dict(settings.LANGUAGES):
        message = _("Choose one of: %(names)s.")
        names = ", ".join(dict(settings.LANGUAGES))
        raise ValidationError(message, code="unknown", params={"names": names})


def validate_time_zone(value: str) -> None:
    """A name of the IANA time zone database, such as `Asia/Tokyo`; raises `ValidationError`."""
    if value not in _time_zones():
        raise ValidationError(_("This is no time zone of the IANA database."), code="unknown")

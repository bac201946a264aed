"""Tax classes: their rates by date, and the categories that follow them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from noren.catalog.models import Category, TaxClass, TaxRate
from noren.catalog.queries import tax_day
from noren_kit.core import context
from noren_kit.core.errors import InvalidInput

# Japan's consumption tax since both of its present rates hold.
SINCE = dt.date(2019, 10, 1)
PROVIDED = (
    ("standard", _("Standard rate"), Decimal(10)),
    ("reduced", _("Reduced rate"), Decimal(8)),
    ("exempt", _("Exempt"), Decimal(0)),
)

_FOLLOW = """
UPDATE catalog_category c SET tax_rate = r.rate, updated_at = statement_timestamp()
  FROM (SELECT DISTINCT ON (tax_class_id) tax_class_id, rate FROM catalog_taxrate
         WHERE tenant_id = %(tenant)s AND valid_from <= %(today)s
         ORDER BY tax_class_id, valid_from DESC) r
 WHERE c.tenant_id = %(tenant)s AND c.tax_class_id = r.tax_class_id AND c.tax_rate <> r.rate
"""


def rates_today(class_ids: Iterable[uuid.UUID | None]) -> dict[uuid.UUID, Decimal]:
    """The rates of the day of these classes, as far as they have one; one statement at most."""
    wanted = set(filter(None, class_ids))
    if not wanted:
        return {}
    rates = TaxRate.objects.filter(tax_class_id__in=wanted, valid_from__lte=tax_day())
    return dict(rates.order_by("valid_from").values_list("tax_class_id", "rate"))


def rate_followed(
    stated: Mapping[str, Any], class_id: uuid.UUID | None, rates: Mapping[uuid.UUID, Decimal]
) -> dict[str, Decimal]:
    """The `tax_rate` of a category of this class; nothing for one of none.

    `stated` is what a caller wants of the category. Raises `InvalidInput` for a class that has no
    rate yet, and for a rate beside it that is another.
    """
    if class_id is None:
        return {}
    if class_id not in rates:
        raise InvalidInput.field("tax_class", "no_rate", _("This tax class has no rate yet."))
    if stated.get("tax_rate", rates[class_id]) != rates[class_id]:
        message = _("The category's tax class says the rate.")
        raise InvalidInput.field("tax_rate", "follows_class", message)
    return {"tax_rate": rates[class_id]}


def follow_classes() -> int:
    """Bring categories to their classes' rates of the day; returns how many changed."""
    with connection.cursor() as cursor:
        cursor.execute(_FOLLOW, {"tenant": context.tenant_id(), "today": tax_day()})
        return int(cursor.rowcount)


def save_tax_class(*, tax_class: TaxClass | None = None, values: Mapping[str, Any]) -> TaxClass:
    """Create or change a class; `rates` in `values` replaces all of its rates."""
    values = dict(values)
    rates = values.pop("rates", None)
    tax_class = tax_class or TaxClass()
    for name, value in values.items():
        setattr(tax_class, name, value)
    tax_class.save()
    if rates is not None:
        _set_rates(tax_class, rates)
        follow_classes()
    return tax_class


def _set_rates(tax_class: TaxClass, rates: Sequence[Mapping[str, Any]]) -> None:
    days = [rate["valid_from"] for rate in rates]
    if len(set(days)) < len(days):
        raise InvalidInput.field("rates", "repeated", _("Two rates begin on the same day."))
    used = Category.objects.filter(tax_class=tax_class).exists()
    if used and not any(day <= tax_day() for day in days):
        raise InvalidInput.field("rates", "no_rate", _("Categories need a rate of today."))
    TaxRate.objects.filter(tax_class=tax_class).delete()
    TaxRate.objects.bulk_create(
        TaxRate(tax_class=tax_class, valid_from=rate["valid_from"], rate=rate["rate"])
        for rate in rates
    )


def provide_tax_classes() -> None:
    """Japan's three classes, named in the tenant's language, where it has no class yet.

    Only for whom asks for them: a new tenant may be of another country.
    """
    if TaxClass.every.exists():
        return
    with translation.override(context.tenant().locale):
        for code, name, rate in PROVIDED:
            rates = [{"valid_from": SINCE, "rate": rate}]
            save_tax_class(values={"code": code, "name": str(name), "rates": rates})

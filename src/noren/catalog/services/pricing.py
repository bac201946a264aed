"""New prices for all products that a filter finds: raised or lowered by a share or an amount."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from noren.catalog.errors import PriceBelowFloor
from noren.catalog.models import PRICE_MAX, PRICE_MIN, Product
from noren.catalog.services.products import floor_of, is_bound_by_floor
from noren_kit.core import context
from noren_kit.core.errors import InvalidInput
from noren_kit.core.money import format_amount, round_amount
from noren_kit.db.arrays import plain_array

# Products whose prices one call may change: what stays within seconds and megabytes.
MOST_REPRICED = 100_000

_WRITE = """
UPDATE catalog_product p SET price = v.price, updated_at = %(now)s,
       updated_by_id = coalesce(%(actor)s, p.updated_by_id)
  FROM unnest(%(ids)s::uuid[], %(prices)s::bigint[]) AS v(id, price)
 WHERE p.tenant_id = %(tenant)s AND p.id = v.id
"""


@dataclass(frozen=True, slots=True)
class PriceStep:
    """A product's price before and afterwards."""

    product_id: uuid.UUID
    before: Decimal
    after: Decimal


@dataclass(frozen=True, slots=True)
class PriceRule:
    """A change of prices by a share of them, or by an amount; the other is None."""

    percent: Decimal | None = None
    amount: Decimal | None = None

    def apply(self, price: Decimal) -> Decimal:
        """The new price, at the currency's precision by the tenant's rounding."""
        if self.amount is not None:
            return price + self.amount
        tenant = context.tenant()
        changed = price * (100 + (self.percent or 0)) / 100
        return round_amount(changed, tenant.currency, tenant.tax_rounding)


def lock_prices(products: QuerySet[Any], rule: PriceRule) -> list[PriceStep]:
    """What a rule makes of the prices of these products, which are locked; one statement.

    In the order of their ids, in which they are locked too. Raises `InvalidInput` for more than
    `MOST_REPRICED`.
    """
    found = Product.objects.filter(pk__in=products.order_by().values("pk")).order_by("pk")
    locked = found.select_for_update(no_key=True).values_list("pk", "price")
    steps = [PriceStep(pk, price, rule.apply(price)) for pk, price in locked[: MOST_REPRICED + 1]]
    if len(steps) > MOST_REPRICED:
        message = _("These are more than %(most)s products. Narrow the filter.")
        raise InvalidInput.field("filter", "too_many", message % {"most": MOST_REPRICED})
    return steps


def faulty_steps(steps: Iterable[PriceStep]) -> Iterator[tuple[uuid.UUID, dict[str, Any]]]:
    """The steps that must not be made, by product, and why."""
    currency, bound = context.tenant().currency, is_bound_by_floor()
    for step in steps:
        if not PRICE_MIN <= step.after <= PRICE_MAX:
            message = _("The price would be %(price)s.") % {
                "price": format_amount(step.after, currency)
            }
            yield step.product_id, {"price": [{"code": "out_of_range", "message": message}]}
        elif bound and step.after < floor_of(step.before):
            refused = PriceBelowFloor(format_amount(floor_of(step.before), currency))
            yield step.product_id, refused.details


def write_prices(steps: Sequence[PriceStep]) -> None:
    """Write the prices of locked products; one statement."""
    prepare = Product._meta.get_field("price").get_prep_value
    with connection.cursor() as cursor:
        cursor.execute(
            _WRITE,
            {
                "tenant": context.tenant_id(),
                "now": timezone.now(),
                "actor": context.actor_id(),
                "ids": plain_array(step.product_id for step in steps),
                "prices": plain_array(prepare(step.after) for step in steps),
            },
        )

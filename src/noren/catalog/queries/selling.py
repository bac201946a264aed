"""What is on sale: prices, taxes and stock items of products and variants, for orders."""

from __future__ import annotations

import datetime as dt
import uuid
import zoneinfo
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone

from noren_kit.core import context
from noren_kit.db.arrays import plain_array
from noren_kit.db.fields import MoneyField
from noren_kit.db.prepared import fetch_all


def tax_day() -> dt.date:
    """Today, where the tenant is."""
    return timezone.localdate(timezone=zoneinfo.ZoneInfo(context.tenant().time_zone))


@dataclass(frozen=True, slots=True)
class Saleable:
    """What an order copies from a product, or from one of its variants, at the moment of sale.

    `price` is what one pays. `product_item_id` is the product's own stock item, which sales of
    its variants lock too; `stock_item_id` is where the units come from.
    """

    product_id: uuid.UUID
    sku: str
    name: str
    price: Decimal
    tax_rate: Decimal
    stock_item_id: uuid.UUID
    product_item_id: uuid.UUID
    is_active: bool
    variant_id: uuid.UUID | None = None
    variant_sku: str = ""
    variant_name: str = ""


# The class's rate of the day, in the tenant's time zone; the stored one follows by a task.
_RATE = """coalesce((
           SELECT r.rate FROM catalog_taxrate r
            WHERE r.tenant_id = c.tenant_id AND r.tax_class_id = c.tax_class_id
              AND r.valid_from <= %(today)s ORDER BY r.valid_from DESC LIMIT 1), c.tax_rate)"""
_SALEABLE = f"""
SELECT p.id, p.sku, p.name, p.price, {_RATE}, p.stock_item_id, p.stock_item_id,
       p.status = 'active', NULL::uuid, '', ''
  FROM catalog_product p
  JOIN catalog_category c ON c.tenant_id = p.tenant_id AND c.id = p.category_id
 WHERE p.tenant_id = %(tenant)s AND p.id = ANY((SELECT %(products)s::uuid[])::uuid[])
   AND p.deleted_at IS NULL
"""  # noqa: S608  our own text
_SALEABLE_VARIANTS = f"""
SELECT p.id, p.sku, p.name, coalesce(v.price, p.price), {_RATE}, v.stock_item_id,
       p.stock_item_id, p.status = 'active' AND v.is_active, v.id, v.sku, v.name
  FROM catalog_variant v
  JOIN catalog_product p ON p.tenant_id = v.tenant_id AND p.id = v.product_id
  JOIN catalog_category c ON c.tenant_id = p.tenant_id AND c.id = p.category_id
 WHERE v.tenant_id = %(tenant)s AND v.id = ANY((SELECT %(variants)s::uuid[])::uuid[])
   AND v.deleted_at IS NULL AND p.deleted_at IS NULL
"""  # noqa: S608  our own text
_SALEABLE_OF_BOTH = f"{_SALEABLE} UNION ALL {_SALEABLE_VARIANTS}"


def find_saleable(
    products: Collection[uuid.UUID], variants: Collection[uuid.UUID] = ()
) -> dict[uuid.UUID, Saleable]:
    """The tenant's live products and variants among these ids, inactive ones too.

    By the id that was asked for; one statement.
    """
    values = {
        "tenant": context.tenant_id(),
        "products": plain_array(products),
        "today": tax_day(),
    }
    if variants:
        values["variants"] = plain_array(variants)
    found: dict[uuid.UUID, Saleable] = {}
    rows = fetch_all(_SALEABLE_OF_BOTH if variants else _SALEABLE, values)
    for product, sku, name, price, rate, item, product_item, on_sale, variant, *own in rows:
        found[variant or product] = Saleable(
            product_id=product,
            sku=sku,
            name=name,
            price=Decimal(price).scaleb(-MoneyField.places),
            tax_rate=rate,
            stock_item_id=item,
            product_item_id=product_item,
            is_active=on_sale,
            variant_id=variant,
            variant_sku=own[0],
            variant_name=own[1],
        )
    return found

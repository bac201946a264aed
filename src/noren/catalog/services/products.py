"""Writing products: their stock item, their tags, and the rule of their price."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from noren.catalog.errors import PriceBelowFloor
from noren.catalog.models import Product, ProductTag, Tag
from noren.inventory.services import allow_backorder, open_stock
from noren_kit.accounts.rights import may
from noren_kit.core import context
from noren_kit.core.errors import NotFound
from noren_kit.core.ids import uuid7
from noren_kit.core.money import Rounding, format_amount, round_amount

OVERRIDE_FLOOR = "catalog.override_price_floor"


def keep_price_floor(present: Decimal, price: Decimal) -> None:
    """Raises `PriceBelowFloor` for a price below half of the present one."""
    currency = context.tenant().currency
    floor = round_amount(present / 2, currency, Rounding.CEIL)
    if price < floor and context.actor() is not None and not may(OVERRIDE_FLOOR):
        raise PriceBelowFloor(format_amount(floor, currency))


def _set_tags(product: Product, names: Iterable[str]) -> None:
    """Make the product's tags exactly `names`; new ones are made, in a fixed order."""
    wanted = sorted(set(names))
    Tag.objects.bulk_create([Tag(name=name) for name in wanted], ignore_conflicts=True)
    tags = list(Tag.objects.filter(name__in=wanted)) if wanted else []
    ProductTag.objects.filter(product_id=product.id).exclude(tag__in=tags).delete()
    ProductTag.objects.bulk_create(
        [ProductTag(product=product, tag=tag) for tag in tags], ignore_conflicts=True
    )


def create_product(*, values: dict[str, Any]) -> Product:
    """A new product with its stock item; `stock_quantity` in `values` opens the ledger.

    A sku that a live product has is refused by the database.
    """
    values = dict(values)
    tags = values.pop("tags", [])
    quantity = values.pop("stock_quantity", 0)
    backorder = values.pop("backorder", False)
    product = Product(id=uuid7(), **values)
    product.stock_item = open_stock(quantity=quantity, backorder=backorder)
    product.save(force_insert=True)
    if tags:
        _set_tags(product, tags)
    return product


def update_product(*, product: Product, values: dict[str, Any]) -> Product:
    """Change a product. Raises `PriceBelowFloor`.

    The row is locked first, so that two steps at once can't pass the price floor together.
    """
    values = dict(values)
    tags = values.pop("tags", None)
    backorder = values.pop("backorder", None)
    locked: Product | None = (
        Product.objects.select_for_update(no_key=True, of=("self",)).filter(id=product.id).first()
    )
    if locked is None:
        raise NotFound
    if "price" in values:
        keep_price_floor(locked.price, values["price"])
    for name, value in values.items():
        setattr(locked, name, value)
    written = [*values, "updated_at", "updated_by"]
    locked.save(update_fields=written)
    if tags is not None:
        _set_tags(locked, tags)
    if backorder is not None:
        allow_backorder(locked.stock_item_id, allowed=backorder)
    return locked

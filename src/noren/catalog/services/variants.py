"""Writing variants: their stock item, and the rule of their price."""

from __future__ import annotations

from typing import Any

from noren.catalog.models import Product, Variant
from noren.catalog.services.products import keep_price_floor
from noren.inventory.services import allow_backorder, open_stock
from noren_kit.core.errors import NotFound


def create_variant(*, product: Product, values: dict[str, Any]) -> Variant:
    """A new variant with its stock item; `stock_quantity` in `values` opens the ledger.

    A sku that a live product or variant has is refused by the database.
    """
    values = dict(values)
    item = open_stock(
        quantity=values.pop("stock_quantity", 0), backorder=values.pop("backorder", False)
    )
    variant: Variant = Variant.objects.create(product=product, stock_item=item, **values)
    return variant


def update_variant(*, variant: Variant, values: dict[str, Any]) -> Variant:
    """Change a variant. Raises `PriceBelowFloor`, by what one pays before and afterwards."""
    locked: Variant | None = (
        Variant.objects.select_for_update(no_key=True, of=("self",))
        .select_related("product")
        .filter(id=variant.id)
        .first()
    )
    if locked is None:
        raise NotFound
    values = dict(values)
    backorder = values.pop("backorder", None)
    before = locked.effective_price
    for name, value in values.items():
        setattr(locked, name, value)
    if "price" in values:
        keep_price_floor(before, locked.effective_price)
    locked.save(update_fields=[*values, "updated_at", "updated_by"])
    if backorder is not None:
        allow_backorder(locked.stock_item_id, allowed=backorder)
    return locked

"""Writing variants: their stock item, and the rule of their price."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from noren.catalog.models import Product, Variant
from noren.catalog.services.products import keep_price_floor, keep_price_floors
from noren.inventory.services import (
    allow_backorder,
    allow_backorders,
    open_stock,
    open_stock_together,
)
from noren_kit.core.errors import NotFound
from noren_kit.db.rows import update_rows


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


def create_variants(*, rows: Sequence[dict[str, Any]]) -> list[Variant]:
    """Variants as `create_variant` makes one, each with its `product` among its values.

    As many statements for a thousand as for one.
    """
    rows = [dict(values) for values in rows]
    items = open_stock_together(
        [values.pop("stock_quantity", 0) for values in rows],
        backorders=[values.pop("backorder", False) for values in rows],
    )
    made: list[Variant] = Variant.objects.bulk_create(
        [Variant(stock_item=item, **values) for item, values in zip(items, rows, strict=True)]
    )
    return made


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


def update_variants(*, changes: Sequence[tuple[Variant, dict[str, Any]]]) -> list[Variant]:
    """Change locked variants, each as `update_variant` changes one.

    As many statements for a thousand as for one. Raises `RowFaults` for prices below the floor.
    """
    changes = [(variant, dict(values)) for variant, values in changes]
    variants = [variant for variant, _values in changes]
    backorders = {
        variant.stock_item_id: values.pop("backorder")
        for variant, values in changes
        if "backorder" in values
    }
    products = Product.every.in_bulk({variant.product_id for variant in variants})
    steps = []
    for variant, values in changes:
        variant.product = products[variant.product_id]
        before = variant.effective_price
        for name, value in values.items():
            setattr(variant, name, value)
        steps.append((before, variant.effective_price) if "price" in values else None)
    keep_price_floors(steps)
    update_rows(variants, {name for _variant, values in changes for name in values})
    allow_backorders(backorders)
    return variants

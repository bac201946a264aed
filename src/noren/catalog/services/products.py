"""Writing products: their stock item, their tags, and the rule of their price."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from noren.catalog.errors import PriceBelowFloor
from noren.catalog.models import Product, ProductTag, Tag
from noren.inventory.services import (
    allow_backorder,
    allow_backorders,
    open_stock,
    open_stock_together,
)
from noren_kit.accounts.rights import may
from noren_kit.core import context
from noren_kit.core.errors import NotFound, RowFaults
from noren_kit.core.ids import uuid7
from noren_kit.core.money import Rounding, format_amount, round_amount
from noren_kit.db.rows import update_rows

OVERRIDE_FLOOR = "catalog.override_price_floor"

Changes = Sequence[tuple[Product, dict[str, Any]]]


def floor_of(present: Decimal) -> Decimal:
    """Half of a price, at the currency's precision: what one step may come down to."""
    return round_amount(present / 2, context.tenant().currency, Rounding.CEIL)


def is_bound_by_floor() -> bool:
    """Whether the caller must keep to the price floor; programs need not."""
    return context.actor() is not None and not may(OVERRIDE_FLOOR)


def keep_price_floor(present: Decimal, price: Decimal) -> None:
    """Raises `PriceBelowFloor` for a price below half of the present one."""
    floor = floor_of(present)
    if price < floor and is_bound_by_floor():
        raise PriceBelowFloor(format_amount(floor, context.tenant().currency))


def keep_price_floors(steps: Sequence[tuple[Decimal, Decimal] | None]) -> None:
    """Raises `RowFaults` for each step from one price to another that `keep_price_floor` refuses.

    None stands for a row whose price stays.
    """
    faults: dict[int, dict[str, Any]] = {}
    for at, step in enumerate(steps):
        try:
            if step is not None:
                keep_price_floor(*step)
        except PriceBelowFloor as refused:
            faults[at] = refused.details
    if faults:
        raise RowFaults(faults)


def _set_tags(wanted: Mapping[Product, Iterable[str]]) -> None:
    """Make the products' tags exactly those of these names.

    New tags are made in the order of their names, so that two who make the same never deadlock.
    """
    names = sorted({name for each in wanted.values() for name in each})
    Tag.objects.bulk_create([Tag(name=name) for name in names], ignore_conflicts=True)
    tags = {tag.name: tag.pk for tag in Tag.objects.filter(name__in=names)} if names else {}
    links = {(product.pk, tags[name]) for product, each in wanted.items() for name in each}
    present = ProductTag.objects.filter(product__in=[product.pk for product in wanted])
    gone, there = [], set()
    for pk, *link in present.values_list("pk", "product_id", "tag_id"):
        there.add(tuple(link))
        if tuple(link) not in links:
            gone.append(pk)
    if gone:
        ProductTag.objects.filter(pk__in=gone).delete()
    ProductTag.objects.bulk_create(
        [ProductTag(product_id=product, tag_id=tag) for product, tag in sorted(links - there)],
        ignore_conflicts=True,
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
        _set_tags({product: tags})
    return product


def create_products(*, rows: Sequence[dict[str, Any]]) -> list[Product]:
    """Products as `create_product` makes one; as many statements for a thousand as for one."""
    rows = [dict(values) for values in rows]
    tags = [values.pop("tags", []) for values in rows]
    items = open_stock_together(
        [values.pop("stock_quantity", 0) for values in rows],
        backorders=[values.pop("backorder", False) for values in rows],
    )
    products: list[Product] = Product.objects.bulk_create(
        [
            Product(id=uuid7(), stock_item=item, **values)
            for item, values in zip(items, rows, strict=True)
        ]
    )
    if any(tags):
        _set_tags(dict(zip(products, tags, strict=True)))
    return products


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
        _set_tags({locked: tags})
    if backorder is not None:
        allow_backorder(locked.stock_item_id, allowed=backorder)
    return locked


def update_products(*, changes: Changes) -> list[Product]:
    """Change locked products, each as `update_product` changes one.

    As many statements for a thousand as for one. Raises `RowFaults` for prices below the floor.
    """
    changes = [(product, dict(values)) for product, values in changes]
    tags = {product: values.pop("tags") for product, values in changes if "tags" in values}
    backorders = {
        product.stock_item_id: values.pop("backorder")
        for product, values in changes
        if "backorder" in values
    }
    keep_price_floors(
        [
            (product.price, values["price"]) if "price" in values else None
            for product, values in changes
        ]
    )
    for product, values in changes:
        for name, value in values.items():
            setattr(product, name, value)
    products = [product for product, _values in changes]
    update_rows(products, {name for _product, values in changes for name in values})
    if tags:
        _set_tags(tags)
    allow_backorders(backorders)
    return products

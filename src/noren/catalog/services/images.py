"""A product's picture."""

from __future__ import annotations

from noren.catalog.models import Product
from noren_kit.files.keeping import sweep

IMAGES = "products"


def set_image(*, product: Product, name: str) -> None:
    """Give a locked product the picture that is kept under this name; none if it is empty."""
    product.image = name
    product.save(update_fields=["image", "updated_at", "updated_by"])


def sweep_images() -> int:
    """Remove pictures that no product names, the bin's included; returns how many."""
    named = Product.every.exclude(image="").values_list("image", flat=True)
    return sweep(IMAGES, frozenset(named.iterator()))

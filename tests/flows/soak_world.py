"""Two shops for a soak, made inside of its stack; prints what its clients need to know of them.

A program of its own: the tests' process works on another database.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import Any

PRODUCTS, FIRST_PRICE = 24, 100
# Every third product is soon sold out.
MANY_UNITS, FEW_UNITS = 4_000, 60
SETTINGS: list[dict[str, Any]] = [
    {"slug": "hanabi", "name": "Hanabi"},
    {"slug": "kawa", "name": "Kawa", "prices_include_tax": True, "tax_rounding": "half_up"},
]


def make(settings: dict[str, Any], clients: int) -> dict[str, Any]:
    """A shop with its goods, two customers, one without an address, and a key a client."""
    from noren.catalog.models import Category, Product
    from noren.catalog.services import create_product
    from noren.orders.models import Customer
    from noren_kit.api.registry import role_rights
    from noren_kit.testing.shops import make_shop

    shop = make_shop(**settings)
    with shop.entered():
        categories = [
            Category.objects.create(name=f"At {rate}", tax_rate=Decimal(rate)) for rate in (10, 8)
        ]
        customers = [
            Customer.objects.create(name="Sato", email="sato@example.com"),
            Customer.objects.create(name="Tanaka"),
        ]
        products = [
            create_product(
                values={
                    "name": f"Tea {number}",
                    "description": "0",
                    "sku": f"T{number}",
                    "price": Decimal(FIRST_PRICE),
                    "status": Product.Status.ACTIVE,
                    "category": categories[number % 2],
                    "stock_quantity": MANY_UNITS if number % 3 else FEW_UNITS,
                }
            )
            for number in range(PRODUCTS)
        ]
    return {
        "tenant": str(shop.tenant.id),
        "name": shop.tenant.name,
        "customers": {str(each.id): each.email for each in customers},
        "products": {
            str(product.id): MANY_UNITS if number % 3 else FEW_UNITS
            for number, product in enumerate(products)
        },
        "keys": [new_key(shop.client("owner"), role_rights("manager")) for _ in range(clients)],
    }


def new_key(owner: Any, rights: frozenset[str]) -> str:
    """A key of a manager's rights; it does not end, as a token does, while the soak lasts."""
    made = owner.post("/api/v1/api-keys/", {"name": "soak", "scopes": sorted(rights)})
    assert made.status_code == 201, made.json()
    return str(made.json()["secret"])


def main() -> None:
    import django

    django.setup()
    clients = int(sys.argv[1])
    print(json.dumps([make(each, clients) for each in SETTINGS]))


if __name__ == "__main__":
    main()

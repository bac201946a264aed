"""The contract of the catalogue's resources; suppliers, the example, have a file of their own."""

from __future__ import annotations

from typing import Any

from noren_kit.testing.contract import ResourceContract
from noren_kit.testing.shops import Client


class TestBrand(ResourceContract):
    path, create, update = "brands", {"name": "Hagi"}, {"name": "Karatsu"}


class TestTag(ResourceContract):
    path, create, update = "tags", {"name": "green"}, {"name": "black"}


class TestCategory(ResourceContract):
    path = "categories"
    create = {
        "name": "Tea",
        "tax_class": None,
        "tax_rate": "8.00",
        "requires_approval": False,
        "parent": None,
    }
    update = {"name": "Leaves", "tax_rate": "10.00"}


class TestTaxClass(ResourceContract):
    path = "tax-classes"
    create = {
        "code": "reduced",
        "name": "Reduced",
        "rates": [{"valid_from": "2019-10-01", "rate": "8.00"}],
    }
    update = {"name": "Food", "rates": [{"valid_from": "2014-04-01", "rate": "8.00"}]}


class TestProduct(ResourceContract):
    path = "products"
    create = {
        "name": "Sencha",
        "description": "First flush",
        "sku": "S1",
        "price": "1050",
        "status": "active",
        "stock_quantity": 20,
        "tags": ["green"],
    }
    update = {"name": "Gyokuro", "price": "2100", "status": "archived", "tags": ["shade"]}
    follows = ("price_with_tax", "is_active")
    create_only = ("stock_quantity",)

    def related(self, client: Client) -> dict[str, Any]:
        made = {
            name: client.post(f"/api/v1/{path}/", body)
            for name, path, body in (
                ("category", "categories", {"name": "Tea", "tax_rate": "8"}),
                ("brand", "brands", {"name": "Hagi"}),
                ("supplier", "suppliers", {"code": "acme", "name": "Acme"}),
            )
        }
        return {name: response.json()["id"] for name, response in made.items()}

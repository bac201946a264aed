"""The contract of customers and orders; placed orders offer neither PUT, PATCH nor DELETE."""

from __future__ import annotations

from typing import Any

from noren_kit.testing.contract import (
    AccessContract,
    CreateContract,
    CursorContract,
    ListContract,
    ResourceContract,
    VersionContract,
)
from noren_kit.testing.shops import Client


class TestCustomer(ResourceContract):
    path = "customers"
    create = {
        "name": "Sato Hanako",
        "email": "sato@example.com",
        "company": "Sato Ltd",
        "tax_number": "T1234567890123",
        "user": None,
    }
    update = {"name": "Suzuki Hanako", "company": ""}


class TestOrder(ListContract, CursorContract, CreateContract, AccessContract, VersionContract):
    path = "orders"
    create = {"discount": "5", "shipping_address": "1-2-3\nKyoto", "notes": "Ring twice"}
    shown_otherwise = ("items",)

    def related(self, client: Client) -> dict[str, Any]:
        customer = client.post("/api/v1/customers/", {"name": "Sato"}).json()
        category = client.post("/api/v1/categories/", {"name": "Tea"}).json()
        product = client.post(
            "/api/v1/products/",
            {
                "name": "Sencha",
                "sku": "S1",
                "price": "105",
                "status": "active",
                "category": category["id"],
                "stock_quantity": 1_000,
            },
        ).json()
        return {"customer": customer["id"], "items": [{"product_id": product["id"], "quantity": 2}]}


class TestReservation(
    ListContract, CursorContract, CreateContract, AccessContract, VersionContract
):
    path = "reservations"
    create = {"reference": "basket 1"}
    shown_otherwise = ("items", "expires_in")

    def related(self, client: Client) -> dict[str, Any]:
        category = client.post("/api/v1/categories/", {"name": "Tea"}).json()
        product = client.post(
            "/api/v1/products/",
            {
                "name": "Sencha",
                "sku": "S1",
                "price": "105",
                "status": "active",
                "category": category["id"],
                "stock_quantity": 1_000,
            },
        ).json()
        return {"items": [{"product_id": product["id"], "quantity": 2}], "expires_in": 600}

"""What a shop's staff does over HTTP, in a word each: for tests that are about something else."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from noren_kit.testing.shops import Client, Shop

API = "/api/v1/"


class Store:
    """A shop's goods and orders through its API; every call must succeed."""

    def __init__(self, shop: Shop, role: str = "owner") -> None:
        self.shop = shop
        self.client: Client = shop.client(role)
        self._numbers = itertools.count(1)

    def post(self, path: str, body: Any, expected: int = 201) -> dict[str, Any]:
        response = self.client.post(API + path, body)
        assert response.status_code == expected, response.json()
        answer: dict[str, Any] = response.json()
        return answer

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        response = self.client.get(API + path, parameters)
        assert response.status_code == 200, response.json()
        answer: dict[str, Any] = response.json()
        return answer

    def patch(self, path: str, body: Any) -> dict[str, Any]:
        response = self.client.patch(API + path, body)
        assert response.status_code == 200, response.json()
        answer: dict[str, Any] = response.json()
        return answer

    def category(self, name: str = "", **values: Any) -> dict[str, Any]:
        return self.post("categories/", {"name": name or f"C{next(self._numbers)}", **values})

    def product(self, **values: Any) -> dict[str, Any]:
        """A product on sale for 100 with 100 units, unless `values` say otherwise."""
        sku = f"S{next(self._numbers)}"
        body = {"name": sku, "sku": sku, "price": "100", "status": "active", "stock_quantity": 100}
        body |= values
        if "category" not in body:
            body["category"] = self.category()["id"]
        return self.post("products/", body)

    def variant(self, product: dict[str, Any], **values: Any) -> dict[str, Any]:
        """A variant on sale with 100 units, for the product's price unless `values` say else."""
        sku = f"V{next(self._numbers)}"
        body = {"name": sku, "sku": sku, "stock_quantity": 100, **values}
        made = self.post(f"products/{product['id']}/variants/", body)
        return {**made, "path": f"products/{product['id']}/variants/{made['id']}/"}

    def customer(self, **values: Any) -> dict[str, Any]:
        return self.post("customers/", {"name": "Sato", "email": "sato@example.com", **values})

    def order_body(self, *lines: tuple[dict[str, Any], int], **values: Any) -> dict[str, Any]:
        """A body for an order of `(product or variant, quantity)` lines by a new customer."""
        items = [
            {"variant_id" if "path" in each else "product_id": each["id"], "quantity": quantity}
            for each, quantity in lines
        ]
        if "customer" not in values:
            values["customer"] = self.customer()["id"]
        return {"items": items, **values}

    def order(self, *lines: tuple[dict[str, Any], int], **values: Any) -> dict[str, Any]:
        return self.post("orders/", self.order_body(*lines, **values))

    def stock(self, article: dict[str, Any]) -> int:
        """Units of a product, or of a variant."""
        path = article.get("path", f"products/{article['id']}/")
        quantity: int = self.get(f"{path}check_stock/")["quantity"]
        return quantity


def new_product(client: Client) -> str:
    """The id of a new product of that client's shop."""
    name = uuid.uuid4().hex
    category = client.post(f"{API}categories/", {"name": name}).json()["id"]
    body = {"name": name, "sku": name, "price": "1000", "status": "active", "category": category}
    identifier: str = client.post(f"{API}products/", body).json()["id"]
    return identifier

"""Placing and cancelling orders over HTTP."""

from __future__ import annotations


def test_first_order(shop):
    client = shop.client("staff")
    owner = shop.client()
    category = owner.post("/api/v1/categories/", {"name": "Tea"}).json()
    product = owner.post(
        "/api/v1/products/",
        {
            "name": "Sencha",
            "sku": "S1",
            "price": "105",
            "category": category["id"],
            "status": "active",
            "stock_quantity": 20,
            "tags": ["green"],
        },
    )
    assert product.status_code == 201, product.json()
    product = product.json()
    customer = client.post(
        "/api/v1/customers/", {"name": "Sato", "email": "sato@example.com"}
    ).json()
    order = client.post(
        "/api/v1/orders/",
        {"customer": customer["id"], "items": [{"product_id": product["id"], "quantity": 3}]},
    )
    assert order.status_code == 201, order.json()
    print(order.json())
    print(client.get(f"/api/v1/products/{product['id']}/").json())
    print(client.get("/api/v1/products/").json())
    assert client.get(f"/api/v1/products/{product['id']}/check_stock/").json()["quantity"] == 17
    cancelled = client.post(f"/api/v1/orders/{order.json()['id']}/cancel/")
    assert cancelled.status_code == 200, cancelled.json()
    assert client.get(f"/api/v1/products/{product['id']}/check_stock/").json()["quantity"] == 20
    assert client.get(f"/api/v1/orders/{order.json()['id']}/").json() == cancelled.json()

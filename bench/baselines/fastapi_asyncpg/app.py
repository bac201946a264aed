"""The application that uvicorn serves."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import ROUND_FLOOR, Decimal
from typing import Annotated, Any, Literal

import asyncpg
import orjson
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field
from uuid_utils.compat import uuid7

from baselines.fastapi_asyncpg import statements as sql
from baselines.shapes import PAGE_SIZE, page_facts, text_query

CENT = Decimal("0.01")
STANDARD_TAX_RATE = 20
# Of an order: what happens to it after it was placed.
LATER_AMOUNTS = ("paid_amount", "refunded_amount", "returned_amount")


@asynccontextmanager
async def lifespan(application: FastAPI) -> AsyncIterator[None]:
    """A pool of connections for as long as the process serves."""
    url = os.environ["BASELINE_DATABASE_URL"]
    async with asyncpg.create_pool(url, min_size=2, max_size=8) as pool:
        application.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan, openapi_url=None)


class Person(BaseModel):
    id: Any
    name: str


async def signed_in(request: Request, authorization: Annotated[str, Header()] = "") -> Person:
    """The owner of the token, read each time."""
    key = authorization.removeprefix("Token ")
    row = await request.app.state.pool.fetchrow(sql.PERSON, key)
    if row is None:
        raise HTTPException(401)
    return Person.model_construct(id=row["id"], name=row["name"])


SignedIn = Annotated[Person, Depends(signed_in)]


def answer(value: Any, status: int = 200) -> Response:
    body = orjson.dumps(value, default=str, option=orjson.OPT_UTC_Z)
    return Response(body, status, media_type="application/json")


def shown(row: Any) -> dict[str, Any]:
    """A row of products as it is shown; what PostgreSQL made JSON goes through as it is."""
    product = dict(row)
    for name in ("active_variants", "recent_reviews"):
        if name in product:
            product[name] = orjson.Fragment(product[name])
    for name in ("created_by", "updated_by"):
        person = {"id": product.pop(f"{name}_id"), "name": product.pop(f"{name}_name")}
        product[name] = person if person["id"] else None
    quantity = product["stock_quantity"]
    product["availability_status"] = (
        "in_stock" if quantity > 10 else "low_stock" if quantity > 0 else "out_of_stock"
    )
    return product


@app.get("/api/v1/products/")
async def list_products(
    request: Request,
    person: SignedIn,
    page: Annotated[int, Query(ge=1)] = 1,
    search: str = "",
    ordering: Literal["-created_at"] = "-created_at",
) -> Response:
    """A page of 20, all of them or those found."""
    offset = (page - 1) * PAGE_SIZE
    async with request.app.state.pool.acquire() as connection:
        if search:
            query = text_query(search)
            count = await connection.fetchval(sql.COUNT_FOUND, query)
            rows = await connection.fetch(sql.PAGE_FOUND, offset, query)
        else:
            count = await connection.fetchval(sql.COUNT)
            rows = await connection.fetch(sql.PAGE, offset)
    facts = page_facts(str(request.url.replace(query="")), page, count, request.query_params)
    return answer({**facts, "results": [shown(row) for row in rows]})


@app.get("/api/v1/products/{product_id}/")
async def read_product(request: Request, person: SignedIn, product_id: str) -> Response:
    """One product with its description."""
    row = await request.app.state.pool.fetchrow(sql.DETAIL, product_id)
    if row is None:
        raise HTTPException(404)
    return answer(shown(row))


class Change(BaseModel):
    price: Decimal = Field(gt=0, decimal_places=2)


@app.patch("/api/v1/products/{product_id}/")
async def change_product(
    request: Request, person: SignedIn, product_id: str, change: Change
) -> Response:
    """A new price."""
    async with request.app.state.pool.acquire() as connection:
        await connection.execute(sql.PATCH, product_id, change.price, person.id)
        row = await connection.fetchrow(sql.DETAIL, product_id)
    return answer(shown(row))


class NewLine(BaseModel):
    product_id: str
    quantity: int = Field(ge=1)


class NewOrder(BaseModel):
    customer: str
    items: list[NewLine] = Field(min_length=1)


@app.post("/api/v1/orders/")
async def place_order(request: Request, person: SignedIn, given: NewOrder) -> Response:
    """An order in one transaction."""
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        return answer(await _place(connection, person, given), 201)


async def _place(connection: Any, person: Person, given: NewOrder) -> dict[str, Any]:
    customer = await connection.fetchrow(sql.CUSTOMER, given.customer)
    ids = [line.product_id for line in given.items]
    quantities = [line.quantity for line in given.items]
    products = {str(row["id"]): row for row in await connection.fetch(sql.LOCK, ids)}
    if customer is None or products.keys() != set(ids):
        raise HTTPException(400)
    if len(await connection.fetch(sql.TAKE, ids, quantities)) < len(products):
        raise HTTPException(409)
    lines = _lines(given.items, products)
    taxes = _taxes(lines)
    subtotal = sum((line["subtotal"] for line in lines), Decimal(0))
    tax = sum((row["tax"] for row in taxes), Decimal(0))
    year, last = await connection.fetchrow(sql.NUMBER)
    order = {
        "id": uuid7(),
        "order_number": f"{year}-{last:06d}",
        "customer": customer["id"],
        "customer_name": customer["name"],
        "customer_email": customer["email"],
        "item_count": sum(quantities),
        "subtotal_amount": subtotal,
        "tax_amount": tax,
        "total_amount": subtotal + tax,
    }
    at = await connection.fetchval(
        sql.ORDER,
        *(order["id"], person.id, order["order_number"], customer["id"], customer["name"]),
        *(customer["email"], order["item_count"], subtotal, tax, subtotal + tax),
    )
    await _write_rows(connection, order["id"], lines, taxes)
    who = {"id": person.id, "name": person.name}
    constant = {
        "kind": "sale",
        "external_number": None,
        "status": "placed",
        "payment_status": "unpaid",
        "currency": "EUR",
        **dict.fromkeys(("discount_amount", *LATER_AMOUNTS), "0.00"),
        **dict.fromkeys(("shipping_address", "billing_address", "notes"), ""),
        **dict.fromkeys(("placed_at", "created_at", "updated_at"), at),
        **dict.fromkeys(("created_by", "updated_by"), who),
    }
    return {**order, **constant, "items": _shown_lines(lines), "tax_breakdown": taxes}


async def _write_rows(connection: Any, order_id: Any, lines: Any, taxes: Any) -> None:
    names = ("name", "sku", "quantity", "unit_price", "tax_rate", "reduced", "subtotal")
    await connection.executemany(
        sql.LINE,
        [
            (line["id"], order_id, position, line["product_id"], *(line[name] for name in names))
            for position, line in enumerate(lines, start=1)
        ],
    )
    await connection.executemany(sql.TAX, [(uuid7(), order_id, *row.values()) for row in taxes])


def _lines(items: list[NewLine], products: dict[str, Any]) -> list[dict[str, Any]]:
    lines = []
    for item in items:
        product = products[item.product_id]
        rate = product["tax_rate"]
        lines.append(
            {
                "id": uuid7(),
                "product_id": product["id"],
                "name": product["name"],
                "sku": product["sku"],
                "quantity": item.quantity,
                "unit_price": product["price"],
                "tax_rate": rate,
                "reduced": 0 < rate < STANDARD_TAX_RATE,
                "subtotal": product["price"] * item.quantity,
            }
        )
    return lines


def _shown_lines(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            **{name: line[name] for name in ("id", "quantity", "unit_price", "tax_rate")},
            "subtotal": line["subtotal"],
            "variant": None,
            "product": {
                "id": line["product_id"],
                "name": line["name"],
                "price": line["unit_price"],
                "sku": line["sku"],
            },
        }
        for line in lines
    ]


def _taxes(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    nets: dict[tuple[Decimal, bool], Decimal] = {}
    for line in lines:
        key = (line["tax_rate"], line["reduced"])
        nets[key] = nets.get(key, Decimal(0)) + line["subtotal"]
    rows = []
    for (rate, reduced), net in sorted(nets.items(), reverse=True):
        tax = (net * rate / 100).quantize(CENT, rounding=ROUND_FLOOR)
        rows.append({"rate": rate, "reduced": reduced, "net": net, "tax": tax, "gross": net + tax})
    return rows

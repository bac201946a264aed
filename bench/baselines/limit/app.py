"""The WSGI application that granian serves; LIMIT_VARIANT says how JSON comes about.

`made`: by PostgreSQL from the rows. `stored`: kept per product, with the count in a row.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

import orjson
import psycopg

from baselines.limit import statements as sql
from baselines.shapes import NEWEST, PAGE_SIZE, page_facts, text_query

PREFIX = "/api/v1/"
STORED = os.environ.get("LIMIT_VARIANT") == "stored"
PAGE, FOUND, DETAIL = (
    (sql.STORED_PAGE, sql.STORED_FOUND, sql.STORED_DETAIL)
    if STORED
    else (sql.MADE_PAGE, sql.MADE_FOUND, sql.MADE_DETAIL)
)
STATUSES = {
    200: "200 OK",
    201: "201 Created",
    400: "400 Bad Request",
    401: "401 Unauthorized",
    404: "404 Not Found",
}
_local = threading.local()


def connection() -> psycopg.Connection[Any]:
    """This thread's, with every statement prepared on the server from its first use."""
    found: psycopg.Connection[Any] | None = getattr(_local, "connection", None)
    if found is None:
        found = psycopg.connect(os.environ["BASELINE_DATABASE_URL"], autocommit=True)
        found.prepare_threshold = 0
        _local.connection = found
    return found


def page(environ: dict[str, Any]) -> tuple[int, bytes]:
    query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    number, search = int(query.get("page", "1")), query.get("search", "")
    if query.get("ordering", NEWEST) != NEWEST:
        return 400, b'{"detail":"The newest come first."}'
    values = {"offset": (number - 1) * PAGE_SIZE, "words": text_query(search)}
    row = connection().execute(FOUND if search else PAGE, values).fetchone()
    url = f"http://{environ['HTTP_HOST']}{environ['PATH_INFO']}"
    facts = orjson.dumps(page_facts(url, number, row[0], query))
    return 200, facts[:-1] + b',"results":' + row[1].encode() + b"}"


def detail(product_id: str) -> bytes | None:
    row = connection().execute(DETAIL, [product_id]).fetchone()
    return row[0].encode() if row else None


def change(product_id: str, person: Any, given: dict[str, Any]) -> bytes | None:
    with connection().transaction():
        connection().execute(sql.PRICE, [given["price"], person, product_id])
        if STORED:
            connection().execute(sql.KEEP_ONE, [product_id])
    return detail(product_id)


def order(person: Any, given: dict[str, Any]) -> bytes:
    items = given["items"]
    ids, quantities = [i["product_id"] for i in items], [i["quantity"] for i in items]
    values = [given["customer"], person, ids, quantities]
    row = connection().execute(sql.ORDER, values).fetchone()
    return bytes(row[0], "utf-8")


def answer(environ: dict[str, Any]) -> tuple[int, bytes | None]:
    key = environ.get("HTTP_AUTHORIZATION", "").removeprefix("Token ")
    person = connection().execute(sql.PERSON, [key]).fetchone()
    if person is None:
        return 401, None
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix(PREFIX)
    if path == "products/":
        return page(environ)
    if path == "orders/":
        return 201, order(person[0], orjson.loads(environ["wsgi.input"].read()))
    product_id = path.removeprefix("products/").rstrip("/")
    if method == "PATCH":
        return 200, change(product_id, person[0], orjson.loads(environ["wsgi.input"].read()))
    return 200, detail(product_id)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    status, body = answer(environ)
    if body is None:
        status, body = (status if status == 401 else 404), b"{}"
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(STATUSES[status], headers)
    return [body]
